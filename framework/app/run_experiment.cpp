#include "framework/app/run_experiment.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include <fmt/format.h>

#include "framework/core/error.h"
#include "framework/core/parallel.h"
#include "framework/data/batches.h"
#include "framework/data/dataset.h"
#include "framework/eval/packed_score.h"
#include "framework/eval/parting.h"
#include "framework/eval/size.h"
#include "framework/nn/attachment.h"
#include "framework/nn/encoded_network.h"
#include "framework/nn/network.h"
#include "framework/pack/model_file.h"
#include "framework/train/health.h"
#include "framework/train/pruner.h"
#include "framework/train/stage_plan.h"
#include "framework/train/trainer.h"

namespace bitsweep {
namespace {

using Clock = std::chrono::steady_clock;

// The training that this run does itself, or null: calibration alone.
const TrainingSpec* own_training(const RunSpec& spec) {
  if (spec.is_baseline() || spec.start == "scratch") return &spec.training;
  return spec.fine_tuning ? &*spec.fine_tuning : nullptr;
}

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

// One run from its data to its record.
class Experiment {
 public:
  Experiment(const RunSpec& spec, const RunEnvironment& environment,
             RunObserver& observer)
      : spec_(spec),
        environment_(environment),
        observer_(observer),
        data_(load_dataset(spec.dataset, environment.data_folders)),
        preprocessing_(spec.training.preprocessing, data_.training),
        network_(spec.network, {.image = data_.training.shape,
                                .image_is_signed = !preprocessing_.is_nonnegative(),
                                .classes = data_.classes,
                                .batch = own_batch_size(spec),
                                .seed = spec.seed}) {
    if (!spec.data_checksum.empty() && spec.data_checksum != data_.checksum) {
      throw RunError(
          fmt::format("{}: its files changed since the study began (SHA-256 {}, expected "
                      "{}); run the study again",
                      spec.dataset.id, data_.checksum, spec.data_checksum));
    }
    if (spec.starts_from_baseline()) {
      ensure(environment.baseline.has_value(), "the scheduler runs baselines first");
      load_state(network_, *environment.baseline);
    }
    methods_ = attach_quantizers(network_, spec.method, spec.edges, spec.sites,
                                 *environment.methods);
    pruner_.emplace(network_, spec.pruning ? &*spec.pruning : nullptr, methods_);
    network_.build();
  }

  double validate() {
    Curves unused;
    run_stages(unused, nullptr);
    network_.prepare_evaluation();
    const Batches validation(data_.validation, preprocessing_);
    return evaluate(network_, validation, loss_named(spec_.training.loss)).accuracy;
  }

  std::vector<CalibratedSite> calibrate_only() {
    calibrate_sites({});
    std::vector<CalibratedSite> sites;
    for (BoundSite* bound : network_.sites()) {
      if (bound->is_quantized() && is_activation(bound->site)) {
        sites.push_back(calibrated_site(*bound));
      }
    }
    return sites;
  }

  RunRecord run() {
    const auto begin = Clock::now();
    RunRecord record;
    record.provenance = current_provenance();
    record.provenance.threads = threads();
    record.provenance.engine = engine_name(selected_engine());
    record.canonical_text = spec_.canonical_text();
    record.data_title = data_.title;
    record.data_checksum = data_.checksum;
    record.method = spec_.method.id;
    record.seed = spec_.seed;
    QuantizerHealth health(network_, [&](const std::string& warning) {
      record.warnings.push_back(warning);
      observer_.warning(warning);
    });
    run_stages(record.curves, &health);
    score(record);
    if (health.epochs() == 0) health.observe(record.curves);  // calibrated, not trained
    health.finish();
    record.histograms = health.histograms();
    record.sizes = size_entries(encoded_tensors(network_));
    record.state = stored_state(network_);
    record.provenance.seconds =
        std::chrono::duration<double>(Clock::now() - begin).count();
    record.provenance.peak_memory_mb = current_provenance().peak_memory_mb;
    return record;
  }

 private:
  void run_stages(Curves& curves, QuantizerHealth* health) {
    const TrainingSpec* training = own_training(spec_);
    const RandomStream random(std::uint64_t(spec_.seed),
                              spec_.starts_from_baseline() ? "fine-tuning" : "training");
    const Batches validation(data_.validation, preprocessing_);
    std::optional<Batches> images;
    std::optional<Trainer> trainer;
    if (training != nullptr) {
      images.emplace(data_.training, preprocessing_, training->augmentation, random);
      trainer.emplace(
          network_, *images, validation.count() > 0 ? &validation : nullptr, *training,
          [this](const StepReport& step) { report(step); }, health);
    }
    pruner_->advance(trainer ? 0 : 1);
    const auto plan = merge_stages(stages_of(methods_, network_));
    for (const PlannedStage& planned : plan) {
      if (planned.stage.kind == Stage::Kind::kCalibrate) {
        network_.wait_for_calibration(planned.owners);
      }
    }
    for (const PlannedStage& planned : plan) {
      stage_ = spec_.is_baseline() ? "float training" : planned.stage.name;
      switch (planned.stage.kind) {
        case Stage::Kind::kCalibrate:
          if (!spec_.is_float()) calibrate_sites(planned.owners);
          break;
        case Stage::Kind::kTransform:
          transform_weights(planned);
          break;
        case Stage::Kind::kTrain:
          if (trainer) trainer->train(planned.stage.share, planned.restart_over, curves);
          break;
        case Stage::Kind::kReestimateNormalisation:
          reestimate(planned.stage, images ? &*images : nullptr);
          break;
        case Stage::Kind::kFoldNormalisation:
          network_.fold_normalisation();
          break;
        case Stage::Kind::kSwitchOff:
        case Stage::Kind::kSwitchOn:
          network_.set_switches(planned.stage.part,
                                planned.stage.kind == Stage::Kind::kSwitchOn,
                                planned.owners);
          break;
      }
    }
    pruner_->advance(1);
  }

  // On batches as training sees them, in its first epoch's order.
  void reestimate(const Stage& stage, Batches* training) {
    observer_.progress({.stage = stage_});
    if (training != nullptr) {
      training->begin_epoch(0);
      reestimate_normalisation(network_, *training, stage.batches);
    } else {
      const Batches plain(data_.training, preprocessing_);
      reestimate_normalisation(network_, plain, stage.batches);
    }
  }

  // Training images as they are, in the file's order or drawn.
  Batches calibration_images() const {
    const auto seed = std::uint64_t(spec_.calibration.seed);
    if (seed == 0) return {data_.training, preprocessing_};
    return {data_.training, preprocessing_, {}, RandomStream(seed, "calibration")};
  }

  void calibrate_sites(std::span<const int> owners) {
    observer_.progress({.stage = stage_});
    if (!spec_.calibration.table.empty()) return take_table(owners);
    const int wanted = spec_.calibration.images / network_.batch();
    calibrate(network_, calibration_images(),
              wanted > 0 ? wanted : spec_.calibration_batches, spec_.start == "scratch",
              owners);
  }

  static bool is_activation(const Site& site) {
    return site.role == Role::kInput || site.role == Role::kOutput;
  }

  CalibratedSite calibrated_site(BoundSite& bound) const {
    const MethodSpec* method = &spec_.method;
    for (const SiteRule& rule : spec_.sites) {
      if (bound.method == rule.method.id) method = &rule.method;
    }
    const auto range = method->params.find("activation_range");
    const Grid grid = bound.quantizer->grid();
    CalibratedSite site{.site = bound.site.name,
                        .method = bound.method,
                        .estimator = bound.method == "edges" ? "min_max"
                                     : range == method->params.end()
                                         ? ""
                                         : range->second.text(),
                        .bits = grid.bits(),
                        .low = grid.value(grid.low_code(), 0),
                        .high = grid.value(grid.high_code(), 0),
                        .state = state_of(*bound.quantizer)};
    return site;
  }

  // The grids of `bitsweep calibrate` instead of images.
  void take_table(std::span<const int> owners) {
    const CalibrationSpec& own = spec_.calibration;
    if (calibration_table_checksum(own.table) != own.table_checksum) {
      throw RunError(own.table +
                     ": the table changed since the study began; run the study again");
    }
    network_.calibrate_weights(owners);
    network_.finish_calibration(owners);
    std::map<std::string, CalibratedSite> sites;
    for (CalibratedSite& site : read_calibration_table(own.table)) {
      sites[site.site] = std::move(site);
    }
    for (BoundSite* bound : network_.sites()) {
      if (!bound->is_quantized() || !is_activation(bound->site)) continue;
      const auto site = sites.find(bound->site.name);
      if (site == sites.end() || site->second.method != bound->method) {
        throw RunError(fmt::format(
            "{}: it has no grid of '{}' for {}; make one for this row with `bitsweep "
            "calibrate`",
            own.table, bound->method, bound->site.name));
      }
      at_site(*bound, [&] { set_state(*bound->quantizer, site->second.state); });
      sites.erase(site);
    }
    if (sites.empty()) return;
    throw RunError(fmt::format("{}: '{}' is no quantized activation of this network",
                               own.table, sites.begin()->first));
  }

  void transform_weights(const PlannedStage& planned) {
    for (BoundSite* bound : network_.sites()) {
      auto* const staged = optional_interface<HasStages>(bound->quantizer.get());
      const auto& owners = planned.owners;
      const bool is_of =
          std::find(owners.begin(), owners.end(), bound->owner) != owners.end();
      if (staged == nullptr || bound->latent == nullptr || !is_of) continue;
      at_site(*bound,
              [&] { staged->begin_stage(planned.stage, bound->latent->value.span()); });
    }
  }

  // The network that the last step left, on data it has not been chosen by.
  void score(RunRecord& record) {
    observer_.progress({.stage = "evaluate"});
    network_.prepare_evaluation();
    const Loss loss = loss_named(spec_.training.loss);
    if (data_.validation.count() > 0) {
      const Batches validation(data_.validation, preprocessing_);
      const Score score = evaluate(network_, validation, loss);
      record.metrics["validation_loss"] = score.loss;
      record.metrics["validation_accuracy"] = score.accuracy;
    }
    const Batches test(data_.test, preprocessing_);
    const Score score = evaluate(network_, test, loss);
    record.metrics["test_loss"] = score.loss;
    record.metrics["simulated_accuracy"] = score.accuracy;
    check_law(network_);
    score_file(record, test);
    record.labels.assign(data_.test.labels.begin(), data_.test.labels.end());
    if (!std::isfinite(score.loss)) {
      throw RunError("the trained network gives a test loss that is not finite");
    }
  }

  // What the table says is what the file scores: its bytes are read again and executed.
  void score_file(RunRecord& record, const Batches& test) {
    record.model = model_bytes(pack_model(
        network_, preprocessing_,
        fmt::format("{} {}, seed {}", spec_.network.id, spec_.method.id, spec_.seed),
        spec_.dataset.id));
    const PackedModel model = parse_model(record.model);
    const ExecutorOptions options{.batch = network_.batch()};
    Executor executor(model, options);
    PackedScore executed = score_packed(executor, test);
    executor.watch_sums(true);  // takes time, which the speed above is without
    score_packed(executor, test);
    Executor simulation(model, {.batch = network_.batch(), .integer = false});
    const PackedScore simulated = score_packed(simulation, test);
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

  void report(const StepReport& step) {
    pruner_->advance(double(step.step) / double(step.steps));
    observer_.progress({.stage = stage_,
                        .done = step.step,
                        .total = step.steps,
                        .epoch = step.epoch,
                        .loss = step.epoch_score.loss,
                        .accuracy = step.epoch_score.accuracy});
  }

  const RunSpec& spec_;
  const RunEnvironment& environment_;
  RunObserver& observer_;
  Dataset data_;
  Preprocessing preprocessing_;
  Network network_;
  MethodList methods_;
  std::optional<Pruner> pruner_;
  std::string stage_;
};

}  // namespace

RunRecord run_experiment(const RunSpec& spec, const RunEnvironment& environment,
                         RunObserver& observer) {
  return Experiment(spec, environment, observer).run();
}

std::vector<CalibratedSite> calibrated_sites(const RunSpec& spec,
                                             const RunEnvironment& environment) {
  RunObserver silent;
  return Experiment(spec, environment, silent).calibrate_only();
}

double validation_accuracy(const RunSpec& spec, const RunEnvironment& environment) {
  RunObserver silent;
  return Experiment(spec, environment, silent).validate();
}

}  // namespace bitsweep
