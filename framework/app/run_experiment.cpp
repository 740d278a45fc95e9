#include "framework/app/run_experiment.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "framework/core/error.h"
#include "framework/core/parallel.h"
#include "framework/data/batches.h"
#include "framework/data/dataset.h"
#include "framework/eval/packed_score.h"
#include "framework/eval/parting.h"
#include "framework/eval/site_histogram.h"
#include "framework/eval/size.h"
#include "framework/nn/attachment.h"
#include "framework/nn/encoded_network.h"
#include "framework/nn/network.h"
#include "framework/pack/model_file.h"
#include "framework/results/whole_file.h"
#include "framework/train/calibration.h"
#include "framework/train/staged_training.h"

namespace bitsweep {
namespace {

using Clock = std::chrono::steady_clock;

int own_batch_size(const RunSpec& spec) {
  const TrainingSpec* training = own_training(spec);
  return (training != nullptr ? *training : spec.training).batch_size;
}

void load_state(Network& network, const RunRecord& record) {
  for (StateTensor& tensor : network.state()) {
    const auto stored = record.state.find(tensor.name);
    const bool fits =
        stored != record.state.end() && stored->second.shape == tensor.shape;
    if (!fits) {
      throw RunError(fmt::format(
          "the float baseline {} has no tensor {} of this network's shape; remove its "
          "record to train it again",
          record.digest, tensor.name));
    }
    std::copy(stored->second.values.begin(), stored->second.values.end(),
              tensor.values.begin());
  }
}

std::map<std::string, StoredTensor> stored_state(Network& network) {
  std::map<std::string, StoredTensor> state;
  for (const StateTensor& tensor : network.state()) {
    state[tensor.name] = {tensor.shape, {tensor.values.begin(), tensor.values.end()}};
  }
  for (BoundSite* bound : network.sites()) {
    if (!bound->is_quantized()) continue;
    for (const Parameter* p : bound->quantizer->trainable()) {
      const auto values = p->value.span();
      state[p->name] = {{std::int64_t(values.size())}, {values.begin(), values.end()}};
    }
  }
  return state;
}

// Tells of training as of the run, and keeps its state.
class TrainingReporter final : public TrainingObserver {
 public:
  TrainingReporter(RunObserver& observer, Checkpoints* checkpoints)
      : observer_(observer), checkpoints_(checkpoints) {}

  void stage_began(const std::string& stage) override {
    observer_.progress({.stage = stage});
  }
  void stepped(const std::string& stage, const StepReport& step) override {
    observer_.progress({.stage = stage,
                        .done = step.step,
                        .total = step.steps,
                        .epoch = step.epoch,
                        .loss = step.epoch_score.loss,
                        .accuracy = step.epoch_score.accuracy});
  }
  void warned(const std::string& text) override { observer_.warning(text); }

  bool may_want_state() const override { return checkpoints_ != nullptr; }
  bool wants_state() override {
    return checkpoints_ != nullptr && checkpoints_->is_due();
  }
  // A run that cannot be kept now may be kept later, or be done before that.
  void take_state(const ShowState& state) override {
    try {
      checkpoints_->write(state);
    } catch (const RunError& error) {
      observer_.note(error.what());
      if (checkpoints_->is_to_stop()) throw RunStopped("stopped without a checkpoint");
      return;
    }
    if (checkpoints_->is_to_stop()) {
      throw RunStopped("stopped by a signal; the same command goes on from there");
    }
  }

 private:
  RunObserver& observer_;
  Checkpoints* checkpoints_;
};

// A checkpoint that this run cannot be taken up from.
struct UnfitCheckpoint {
  std::string why;
};

// What a run is known by before it has done anything.
Provenance provenance_of_begin() {
  Provenance now = current_provenance();
  now.threads = threads();
  now.engine = engine_name(selected_engine());
  return now;
}

// Of a run that goes on: its first begin, and all machines that it was on.
Provenance joined(const Provenance& before, Provenance now) {
  now.started = before.started;
  now.seconds = before.seconds;
  now.continued = before.continued + 1;
  if (!before.cpu.ends_with(now.cpu)) now.cpu = before.cpu + ", then " + now.cpu;
  return now;
}

// One run from its data to its record.
class Experiment {
 public:
  Experiment(const RunSpec& spec, const RunEnvironment& environment,
             RunObserver& observer, Checkpoints* checkpoints)
      : spec_(spec),
        observer_(observer),
        reporter_(observer, checkpoints),
        data_(load_dataset(spec.dataset, environment.data_folders)),
        preprocessing_(spec.training.preprocessing, data_.training),
        network_(spec.network, network_options()) {
    if (!spec.data_checksum.empty() && spec.data_checksum != data_.checksum) {
      throw RunError(
          fmt::format("{}: its files changed since the study began (SHA-256 {}, expected "
                      "{}); run the study again",
                      spec.dataset.id, data_.checksum, spec.data_checksum));
    }
    if (spec.starts_from_baseline()) {
      ensure(environment.baseline.has_value(), "the scheduler runs baselines first");
      network_.draw_weights();
      load_state(network_, *environment.baseline);
    }
    methods_ = attach_quantizers(network_, spec.method, spec.edges, spec.sites,
                                 *environment.methods);
    network_.build();
    if (has_teacher()) make_teacher(*environment.baseline);
    if (environment.checkpoint) {
      require_room(environment.checkpoint->file.parent_path(), kept_bytes(),
                   "a run's checkpoint and record");
    }
  }

  double validate() {
    staged_training(/*with_health=*/false).run();
    network_.prepare_evaluation();
    const Batches validation(data_.validation, preprocessing_);
    return evaluate(network_, validation, loss_named(spec_.training.loss)).accuracy;
  }

  std::vector<CalibratedSite> calibrate_only() {
    calibrate_sites(network_, spec_, data_, preprocessing_, {});
    return calibrated_activations(network_, spec_);
  }

  /// `state`: to go on from, or null. Throws UnfitCheckpoint where it is none of this
  /// run's.
  RunRecord run(const Provenance& begin, SavedState* state) {
    const auto clock = Clock::now();
    StagedTraining training = staged_training(/*with_health=*/true);
    if (state != nullptr) take_up(training, *state);
    RunRecord record;
    record.provenance = begin;
    record.canonical_text = spec_.canonical_text();
    record.data_title = data_.title;
    record.data_checksum = data_.checksum;
    record.method = spec_.method.id;
    record.seed = spec_.seed;
    training.run();
    score(record, training);
    training.finish_health();
    record.curves = training.curves();
    record.warnings = training.warnings();
    training.show([&](const std::string& site, const Grid& grid, std::span<const float> u,
                      std::span<const std::int32_t> codes) {
      record.histograms.push_back(site_histogram(site, grid, u, codes));
    });
    record.sizes = size_entries(encoded_tensors(network_));
    record.state = stored_state(network_);
    record.provenance.seconds +=
        std::chrono::duration<double>(Clock::now() - clock).count();
    record.provenance.peak_memory_mb = current_provenance().peak_memory_mb;
    return record;
  }

 private:
  NetworkOptions network_options() const {
    return {.image = data_.training.shape,
            .image_is_signed = !preprocessing_.is_nonnegative(),
            .classes = data_.classes,
            .batch = own_batch_size(spec_),
            .seed = spec_.seed};
  }

  bool has_teacher() const {
    const TrainingSpec* training = own_training(spec_);
    return training != nullptr && training->distillation.has_value();
  }

  void make_teacher(const RunRecord& baseline) {
    teacher_.emplace(spec_.network, network_options());
    teacher_->draw_weights();
    load_state(*teacher_, baseline);
    teacher_->build();
    teacher_->prepare_evaluation();
  }

  // At most: the checkpoint has weights, their momentum and, of Adam, their squares; the
  // record weights and packed model; beside these are predictions and curves.
  double kept_bytes() {
    constexpr double kCopies = 5, kBeside = 1e6;
    double values = 0;
    for (const StateTensor& tensor : network_.state())
      values += double(tensor.values.size());
    return kCopies * values * sizeof(float) + kBeside;
  }

  void take_up(StagedTraining& training, SavedState& state) {
    try {
      training.set_state(state);
    } catch (const RunError& error) {
      throw UnfitCheckpoint{error.what()};
    }
    state.clear();  // as large as the network and its optimizer
    observer_.note("continues from " + training.place());
  }

  StagedTraining staged_training(bool with_health) {
    return {spec_,    data_,     preprocessing_, network_,
            methods_, reporter_, with_health,    teacher_ ? &*teacher_ : nullptr};
  }

  // The network that the last step left, on data it has not been chosen by.
  void score(RunRecord& record, StagedTraining& training) {
    const BetweenBatches between = [&] { training.pause(); };
    observer_.progress({.stage = "evaluate"});
    network_.prepare_evaluation();
    const Loss loss = loss_named(spec_.training.loss);
    if (data_.validation.count() > 0) {
      const Batches validation(data_.validation, preprocessing_);
      const Score score = evaluate(network_, validation, loss, nullptr, between);
      record.metrics["validation_loss"] = score.loss;
      record.metrics["validation_accuracy"] = score.accuracy;
    }
    const Batches test(data_.test, preprocessing_);
    const Score score = evaluate(network_, test, loss, nullptr, between);
    record.metrics["test_loss"] = score.loss;
    record.metrics["simulated_accuracy"] = score.accuracy;
    check_law(network_);
    score_file(record, test, between);
    record.labels.assign(data_.test.labels.begin(), data_.test.labels.end());
    if (!std::isfinite(score.loss)) {
      throw RunError("the trained network gives a test loss that is not finite");
    }
  }

  // What the table says is what the file scores: its bytes are read again and executed.
  void score_file(RunRecord& record, const Batches& test, const BetweenBatches& between) {
    record.model = model_bytes(pack_model(
        network_, preprocessing_,
        fmt::format("{} {}, seed {}", spec_.network.id, spec_.method.id, spec_.seed),
        spec_.dataset.id));
    const PackedModel model = parse_model(record.model);
    const ExecutorOptions options{.batch = network_.batch()};
    Executor executor(model, options);
    PackedScore executed = score_packed(executor, test, 0, between);
    executor.watch_sums(true);  // takes time, which the speed above is without
    score_packed(executor, test, 0, between);
    Executor simulation(model, {.batch = network_.batch(), .integer = false});
    const PackedScore simulated = score_packed(simulation, test, 0, between);
    const Agreement agreement = agreement_of(executed, simulated);
    const auto partings = find_partings(model, options, test, executed, simulated);
    record.metrics["test_accuracy"] = executed.accuracy();
    record.metrics["agreeing_predictions"] =
        double(agreement.same_predictions) / double(agreement.images);
    record.metrics["differing_predictions"] = double(partings.size());
    double farthest = 0;
    for (const Parting& parting : partings) {
      farthest = std::max(farthest, parting.steps_to_boundary);
    }
    if (!partings.empty()) record.metrics["steps_to_boundary"] = farthest;
    record.partings = parting_summary(partings);
    record.metrics["largest_logit_difference"] = agreement.largest_logit_difference;
    record.metrics["file_bytes"] = double(record.model.size());
    record.metrics["largest_sum"] = largest_sum(executor);
    record.products = product_entries(executor);
    record.predictions = std::move(executed.predictions);
    record.provenance.images_per_second = executed.images_per_second();
  }

  static double largest_sum(const Executor& executor) {
    double largest = 0;
    for (const SumRange& range : executor.sum_ranges()) {
      largest = std::max({largest, -double(range.least), double(range.most)});
    }
    return largest;
  }

  const RunSpec& spec_;
  RunObserver& observer_;
  TrainingReporter reporter_;
  Dataset data_;
  Preprocessing preprocessing_;
  Network network_;
  std::optional<Network> teacher_;  // where training follows the float network
  MethodList methods_;
};

}  // namespace

RunRecord run_experiment(const RunSpec& spec, const RunEnvironment& environment,
                         RunObserver& observer) {
  const Provenance now = provenance_of_begin();
  if (!environment.checkpoint) {
    return Experiment(spec, environment, observer, nullptr).run(now, nullptr);
  }
  const CheckpointPlan& plan = *environment.checkpoint;
  const std::string own = digest(spec, kResultsVersion);
  auto found = find_checkpoint(plan.file, own, now);
  if (found.checkpoint) {
    const Provenance begin = joined(found.checkpoint->provenance, now);
    Checkpoints checkpoints(plan, own, begin);
    try {
      return Experiment(spec, environment, observer, &checkpoints)
          .run(begin, &found.checkpoint->state);
    } catch (const UnfitCheckpoint& unfit) {
      found.why_not = fmt::format("{}: {}", plan.file.string(), unfit.why);
    }
  }
  if (!found.why_not.empty()) observer.note(found.why_not + "; begins anew");
  Checkpoints checkpoints(plan, own, now);
  return Experiment(spec, environment, observer, &checkpoints).run(now, nullptr);
}

std::vector<CalibratedSite> calibrated_sites(const RunSpec& spec,
                                             const RunEnvironment& environment) {
  RunObserver silent;
  return Experiment(spec, environment, silent, nullptr).calibrate_only();
}

double validation_accuracy(const RunSpec& spec, const RunEnvironment& environment) {
  RunObserver silent;
  return Experiment(spec, environment, silent, nullptr).validate();
}

}  // namespace bitsweep
