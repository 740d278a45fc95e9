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

void pause(const BetweenBatches& between) {
  if (between) between();
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
                 QuantizerHealth* health, BetweenBatches between, Network* teacher)
    : network_(network),
      training_(training),
      validation_(validation),
      spec_(spec),
      on_step_(std::move(on_step)),
      health_(health),
      between_(std::move(between)),
      teacher_(teacher),
      optimizer_(std::make_unique<Optimizer>(spec.optimizer, spec.multipliers,
                                             network.parameters())),
      source_(source_at(training, cursor_)),
      steps_per_epoch_(
          std::max<std::int64_t>(1, std::int64_t(training.count()) / network.batch())),
      steps_(steps_of(spec, training.count())),
      schedule_steps_(steps_) {
  ensure(spec.distillation.has_value() == (teacher != nullptr),
         "distillation has a teacher");
  if (teacher != nullptr) {
    source_.teacher = teacher->logits();
    source_.distillation = {spec.distillation->weight, spec.distillation->temperature};
  }
  for (WeightedLayer* layer : network.weighted_layers()) {
    auto* const hook =
        optional_interface<ChangesLatent>(layer->weight_site().quantizer.get());
    if (hook != nullptr) hooks_.push_back({hook, &layer->weight_site()});
  }
}

Trainer::~Trainer() = default;

void Trainer::train(double share, double restart_over, Curves& curves) {
  begin_stretch(share, restart_over);
  finish_stretch(curves);
}

void Trainer::begin_stretch(double share, double restart_over) {
  const auto step_at = [&](double steps) {
    return std::min(steps_, std::int64_t(std::llround(steps)));
  };
  if (restart_over > 0) {
    schedule_begin_ = step_;
    schedule_steps_ = step_at(planned_ + restart_over * double(steps_)) - step_;
  }
  planned_ += share * double(steps_);
  stretch_end_ = step_at(planned_);
}

void Trainer::finish_stretch(Curves& curves) {
  while (phase_ != Phase::kBetweenEpochs || step_ < stretch_end_) {
    if (phase_ == Phase::kBetweenEpochs) begin_epoch();
    if (phase_ == Phase::kSteps) {
      finish_steps();
      close_steps(curves);
    }
    validate(curves);
  }
}

void Trainer::begin_epoch() {
  if (health_ != nullptr && step_ == 0) health_->begin();
  epoch_end_ = std::min(stretch_end_, step_ + steps_per_epoch_);
  sums_ = {};
  phase_ = Phase::kSteps;
}

void Trainer::finish_steps() {
  const Loss loss = loss_named(spec_.loss);
  training_.begin_epoch(epoch_);
  while (step_ < epoch_end_) {
    pause(between_);
    step(loss);
  }
}

void Trainer::step(Loss loss) {
  cursor_ = std::size_t(sums_.images);
  // A teacher sees the very images that the step is made on.
  if (teacher_ != nullptr) teacher_->evaluate(source_, loss, network_.batch(), {});
  const SliceLoss result = network_.train_step(source_, loss, step_);
  if (!std::isfinite(result.loss)) {
    throw RunError(
        fmt::format("the loss became {} at epoch {}, batch {} (learning rate "
                    "{}){}",
                    std::isnan(result.loss) ? "NaN" : "infinite", epoch_ + 1,
                    sums_.images / network_.batch() + 1, sums_.rate,
                    first_broken_parameter(network_)));
  }
  sums_.rate = learning_rate(spec_.schedule, spec_.optimizer.learning_rate,
                             {.iteration = double(step_ - schedule_begin_),
                              .iterations = double(schedule_steps_),
                              .iterations_per_epoch = double(steps_per_epoch_)});
  optimizer_->step(sums_.rate, step_);
  after_step();
  ++step_;
  sums_.loss += result.loss;
  sums_.correct += result.correct;
  sums_.images += network_.batch();
  if (on_step_) {
    on_step_({.step = step_,
              .steps = steps_,
              .epoch = epochs_done(),
              .epoch_score = sums_.score()});
  }
}

// What is kept of an epoch, but for its validation: `health` looks at the activations of
// the last step, so that nothing comes between that and this.
void Trainer::close_steps(Curves& curves) {
  ++epoch_;
  const Score score = sums_.score();
  curves["train/loss"].push_back(score.loss);
  curves["train/accuracy"].push_back(score.accuracy);
  curves["learning_rate"].push_back(sums_.rate);
  if (health_ != nullptr) health_->observe(curves);
  phase_ = Phase::kValidation;
}

void Trainer::validate(Curves& curves) {
  if (validation_ != nullptr) {
    network_.prepare_evaluation();
    const Score score =
        evaluate(network_, *validation_, loss_named(spec_.loss), nullptr, between_);
    curves["validation/loss"].push_back(score.loss);
    curves["validation/accuracy"].push_back(score.accuracy);
  }
  phase_ = Phase::kBetweenEpochs;
}

void Trainer::visit_state(SavedStateVisitor& visitor) {
  auto phase = int(phase_);
  visitor.value("trainer/step", step_);
  visitor.value("trainer/stretch_end", stretch_end_);
  visitor.value("trainer/schedule_begin", schedule_begin_);
  visitor.value("trainer/schedule_steps", schedule_steps_);
  visitor.value("trainer/planned", planned_);
  visitor.value("trainer/epoch", epoch_);
  visitor.value("trainer/epoch_end", epoch_end_);
  visitor.value("trainer/phase", phase);
  visitor.value("trainer/epoch_loss", sums_.loss);
  visitor.value("trainer/epoch_correct", sums_.correct);
  visitor.value("trainer/epoch_images", sums_.images);
  visitor.value("trainer/learning_rate", sums_.rate);
  phase_ = Phase(phase);
  optimizer_->visit_state(visitor);
}

void Trainer::after_step() {
  for (const LatentHook& hook : hooks_) {
    if (!hook.site->is_active()) continue;
    hook.quantizer->after_step(hook.site->latent->value.span());
  }
  network_.clear_pruned();
}

Score evaluate(Network& network, const Batches& batches, Loss loss,
               std::vector<std::int32_t>* predictions, const BetweenBatches& between) {
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
    pause(between);
    const SliceLoss result = network.evaluate(source, loss, int(images), part);
    total.loss += result.loss;
    total.correct += result.correct;
  }
  return {total.loss / double(count), double(total.correct) / double(count)};
}

void calibrate(Network& network, const Batches& images, int batches,
               bool batch_statistics, std::span<const int> owners,
               const BetweenBatches& between) {
  std::size_t cursor = 0;
  const BatchSource source = source_at(images, cursor);
  for (int batch = 0; batch < batches; ++batch) {
    pause(between);
    network.calibrate_activations(source, batch_statistics, owners);
    cursor += std::size_t(network.batch());
  }
  network.calibrate_weights(owners);  // some have looked at inputs
  network.finish_calibration(owners);
}

void reestimate_normalisation(Network& network, const Batches& images, int batches,
                              const BetweenBatches& between) {
  if (!network.has_batch_normalisation()) return;
  const int in_epoch = std::max(1, int(images.count()) / network.batch());
  network.prepare_evaluation();
  std::size_t cursor = 0;
  const BatchSource source = source_at(images, cursor);
  for (int batch = 1; batch <= std::min(batches, in_epoch); ++batch) {
    pause(between);
    network.estimate_normalisation(source, batch);
    cursor += std::size_t(network.batch());
  }
}

}  // namespace bitsweep
