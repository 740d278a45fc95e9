#include "framework/train/trainer.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "framework/core/error.h"
#include "framework/train/health.h"
#include "framework/train/optimizer.h"
#include "framework/train/schedule.h"

namespace bitsweep {
namespace {

BatchSource source_at(const Batches& batches, const std::size_t& cursor) {
  return {.load = [&](int index,
                      std::span<float> image) { batches.load(cursor + index, image); },
          .label = [&](int index) { return batches.label(cursor + index); }};
}

// The first parameter that is no longer finite: a hint where a run went wrong.
std::string first_broken_parameter(Network& network) {
  for (const Parameter* parameter : network.parameters()) {
    for (const auto& [what, values] :
         {std::pair{"", parameter->value.span()},
          std::pair{"the gradient of ", parameter->gradient.span()}}) {
      const bool finite = std::all_of(values.begin(), values.end(),
                                      [](float v) { return std::isfinite(v); });
      if (!finite) return fmt::format("; {}{} is not finite", what, parameter->name);
    }
  }
  return "";
}

}  // namespace

Loss loss_named(const std::string& name) {
  return name == "squared_hinge" ? Loss::kSquaredHinge : Loss::kCrossEntropy;
}

std::int64_t Trainer::steps_of(const TrainingSpec& spec, std::size_t images) {
  if (spec.iterations > 0) return spec.iterations;
  const auto per_epoch =
      std::max<std::int64_t>(1, std::int64_t(images) / spec.batch_size);
  return std::llround(spec.epochs * double(per_epoch));
}

Trainer::Trainer(Network& network, Batches& training, const Batches* validation,
                 const TrainingSpec& spec, std::function<void(const StepReport&)> on_step,
                 QuantizerHealth* health)
    : network_(network),
      training_(training),
      validation_(validation),
      spec_(spec),
      on_step_(std::move(on_step)),
      health_(health),
      optimizer_(std::make_unique<Optimizer>(spec.optimizer, spec.multipliers,
                                             network.parameters())),
      source_(source_at(training, cursor_)),
      steps_per_epoch_(
          std::max<std::int64_t>(1, std::int64_t(training.count()) / network.batch())),
      steps_(steps_of(spec, training.count())),
      schedule_steps_(steps_) {
  for (WeightedLayer* layer : network.weighted_layers()) {
    auto* const hook =
        optional_interface<ChangesLatent>(layer->weight_site().quantizer.get());
    if (hook != nullptr) hooks_.push_back({hook, &layer->weight_site()});
  }
}

Trainer::~Trainer() = default;

void Trainer::train(double share, double restart_over, Curves& curves) {
  const auto step_at = [&](double steps) {
    return std::min(steps_, std::int64_t(std::llround(steps)));
  };
  if (restart_over > 0) {
    schedule_begin_ = step_;
    schedule_steps_ = step_at(planned_ + restart_over * double(steps_)) - step_;
  }
  planned_ += share * double(steps_);
  const std::int64_t end = step_at(planned_);
  while (step_ < end) train_epoch(std::min(end, step_ + steps_per_epoch_), curves);
}

void Trainer::train_epoch(std::int64_t end, Curves& curves) {
  const Loss loss = loss_named(spec_.loss);
  const double batch = network_.batch();
  if (health_ != nullptr && step_ == 0) health_->begin();
  training_.begin_epoch(epoch_);
  cursor_ = 0;
  double loss_sum = 0, rate = 0, done = 0;
  std::int64_t correct = 0;
  for (; step_ < end; ++step_, cursor_ += std::size_t(network_.batch())) {
    const SliceLoss result = network_.train_step(source_, loss, step_);
    if (!std::isfinite(result.loss)) {
      throw RunError(fmt::format(
          "the loss became {} at epoch {}, batch {} (learning rate {}){}",
          std::isnan(result.loss) ? "NaN" : "infinite", epoch_ + 1,
          std::int64_t(done / batch) + 1, rate, first_broken_parameter(network_)));
    }
    rate = learning_rate(spec_.schedule, spec_.optimizer.learning_rate,
                         {.iteration = double(step_ - schedule_begin_),
                          .iterations = double(schedule_steps_),
                          .iterations_per_epoch = double(steps_per_epoch_)});
    optimizer_->step(rate, step_);
    after_step();
    loss_sum += result.loss;
    correct += result.correct;
    done += batch;
    if (on_step_) {
      on_step_({.step = step_ + 1,
                .steps = steps_,
                .epoch = double(step_ + 1) / double(steps_per_epoch_),
                .epoch_score = {loss_sum / done, double(correct) / done}});
    }
  }
  ++epoch_;
  curves["train/loss"].push_back(loss_sum / done);
  curves["train/accuracy"].push_back(double(correct) / done);
  curves["learning_rate"].push_back(rate);
  if (health_ != nullptr) health_->observe(curves);
  if (validation_ == nullptr) return;
  network_.prepare_evaluation();
  const Score score = evaluate(network_, *validation_, loss);
  curves["validation/loss"].push_back(score.loss);
  curves["validation/accuracy"].push_back(score.accuracy);
}

void Trainer::after_step() {
  for (const LatentHook& hook : hooks_) {
    if (!hook.site->is_active()) continue;
    hook.quantizer->after_step(hook.site->latent->value.span());
  }
  network_.clear_pruned();
}

Score evaluate(Network& network, const Batches& batches, Loss loss,
               std::vector<std::int32_t>* predictions) {
  const std::size_t count = batches.count(), batch = std::size_t(network.batch());
  if (predictions != nullptr) predictions->resize(count);
  std::size_t cursor = 0;
  const BatchSource source = source_at(batches, cursor);
  SliceLoss total;
  for (; cursor < count; cursor += batch) {
    const std::size_t images = std::min(batch, count - cursor);
    const auto part = predictions == nullptr
                          ? std::span<std::int32_t>{}
                          : std::span<std::int32_t>{predictions->data() + cursor, images};
    const SliceLoss result = network.evaluate(source, loss, int(images), part);
    total.loss += result.loss;
    total.correct += result.correct;
  }
  return {total.loss / double(count), double(total.correct) / double(count)};
}

void calibrate(Network& network, const Batches& images, int batches,
               bool batch_statistics, std::span<const int> owners) {
  network.calibrate_weights(owners);
  std::size_t cursor = 0;
  const BatchSource source = source_at(images, cursor);
  for (int batch = 0; batch < batches; ++batch) {
    network.calibrate_activations(source, batch_statistics, owners);
    cursor += std::size_t(network.batch());
  }
  network.finish_calibration(owners);
}

void reestimate_normalisation(Network& network, const Batches& images, int batches) {
  if (!network.has_batch_normalisation()) return;
  const int in_epoch = std::max(1, int(images.count()) / network.batch());
  network.prepare_evaluation();
  std::size_t cursor = 0;
  const BatchSource source = source_at(images, cursor);
  for (int batch = 1; batch <= std::min(batches, in_epoch); ++batch) {
    network.estimate_normalisation(source, batch);
    cursor += std::size_t(network.batch());
  }
}

}  // namespace bitsweep
