#include "framework/train/staged_training.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "framework/train/calibration.h"
#include "framework/train/network_state.h"

namespace bitsweep {

const TrainingSpec* own_training(const RunSpec& spec) {
  if (spec.is_baseline() || spec.start == "scratch") return &spec.training;
  return spec.fine_tuning ? &*spec.fine_tuning : nullptr;
}

namespace {

std::vector<PlannedStage> planned_stages(const RunSpec& spec, const Dataset& data,
                                         const MethodList& methods,
                                         const Network& network) {
  const TrainingSpec* training = own_training(spec);
  const std::int64_t steps =
      training == nullptr ? 0 : Trainer::steps_of(*training, data.training.count());
  auto lists = stages_of(methods, network);
  for (auto& list : lists) list = in_shares(std::move(list), steps);
  return merge_stages(lists);
}

}  // namespace

StagedTraining::StagedTraining(const RunSpec& spec, const Dataset& data,
                               const Preprocessing& preprocessing, Network& network,
                               const MethodList& methods, TrainingObserver& observer,
                               bool with_health, Network* teacher)
    : spec_(spec),
      data_(data),
      preprocessing_(preprocessing),
      network_(network),
      methods_(methods),
      observer_(observer),
      validation_(data.validation, preprocessing),
      plan_(planned_stages(spec, data, methods, network)),
      pruner_(network, spec.pruning ? &*spec.pruning : nullptr, methods) {
  if (with_health) {
    health_.emplace(network, [this](const std::string& warning) {
      warnings_.push_back(warning);
      observer_.warned(warning);
    });
  }
  const TrainingSpec* training = own_training(spec);
  if (training == nullptr) return;
  const RandomStream random(std::uint64_t(spec.seed),
                            spec.starts_from_baseline() ? "fine-tuning" : "training");
  images_.emplace(data.training, preprocessing, training->augmentation, random);
  trainer_.emplace(
      network, *images_, validation_.count() > 0 ? &validation_ : nullptr, *training,
      [this](const StepReport& step) { after_step(step); }, health_ ? &*health_ : nullptr,
      [this] { pause(); }, teacher);
}

void StagedTraining::run() {
  if (!has_begun_) begin();
  for (; stage_ < plan_.size(); ++stage_) carry_out(plan_[stage_]);
  if (network_.folds_in_training()) fold_normalisation();
  pruner_.advance(1);
}

void StagedTraining::begin() {
  pruner_.advance(trainer_ ? 0 : 1);
  for (const PlannedStage& planned : plan_) {
    if (planned.stage.kind == Stage::Kind::kCalibrate) {
      network_.wait_for_calibration(planned.owners);
    }
  }
  has_begun_ = true;
}

void StagedTraining::carry_out(const PlannedStage& planned) {
  switch (planned.stage.kind) {
    case Stage::Kind::kCalibrate:
      if (!spec_.is_float()) uncut([&] { calibrate(planned.owners); });
      break;
    case Stage::Kind::kTransform:
      transform(planned);
      break;
    case Stage::Kind::kTrain:
      if (trainer_) train(planned);
      break;
    case Stage::Kind::kReestimateNormalisation:
      uncut([&] { reestimate(planned.stage); });
      break;
    case Stage::Kind::kFoldNormalisation:
      fold_normalisation();
      break;
    case Stage::Kind::kFreezeNormalisation:
      freeze_normalisation();
      break;
    case Stage::Kind::kSwitchOff:
    case Stage::Kind::kSwitchOn:
      network_.set_switches(planned.stage.part,
                            planned.stage.kind == Stage::Kind::kSwitchOn, planned.owners);
      break;
  }
}

void StagedTraining::train(const PlannedStage& planned) {
  if (!is_in_stretch_) {
    trainer_->begin_stretch(planned.stage.share, planned.restart_over);
    is_in_stretch_ = true;
  }
  trainer_->finish_stretch(curves_);
  is_in_stretch_ = false;
}

void StagedTraining::calibrate(std::span<const int> owners) {
  observer_.stage_began(stage_name(stage_));
  calibrate_sites(network_, spec_, data_, preprocessing_, owners, [this] { pause(); });
}

void StagedTraining::transform(const PlannedStage& planned) {
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

// On batches as training sees them, in its first epoch's order.
void StagedTraining::reestimate(const Stage& stage) {
  observer_.stage_began(stage_name(stage_));
  const auto over = [&](const Batches& images) {
    reestimate_normalisation(network_, images, stage.batches, [this] { pause(); });
  };
  if (images_) {
    images_->begin_epoch(0);
    over(*images_);
  } else {
    over(Batches(data_.training, preprocessing_));
  }
}

void StagedTraining::fold_normalisation() {
  network_.fold_normalisation();
  is_folded_ = true;
}

void StagedTraining::freeze_normalisation() {
  network_.freeze_normalisation();
  is_frozen_ = true;
}

void StagedTraining::after_step(const StepReport& step) {
  pruner_.advance(double(step.step) / double(step.steps));
  observer_.stepped(stage_name(stage_), step);
}

void StagedTraining::finish_health() {
  if (health_->epochs() == 0) health_->observe(curves_);  // calibrated, not trained
  health_->finish();
}

// What happens between two batches of it is no state to go on from: it begins again.
template <class Work>
void StagedTraining::uncut(Work work) {
  if (observer_.may_want_state()) begin_of_uncut_ = state();
  work();
  begin_of_uncut_.reset();
}

void StagedTraining::pause() {
  if (!observer_.wants_state()) return;
  observer_.take_state([this](SavedStateVisitor& visitor) {
    if (begin_of_uncut_) {
      show_state(*begin_of_uncut_, visitor);
    } else {
      visit_state(visitor);
    }
  });
}

SavedState StagedTraining::state() {
  SavedState state;
  StateReader reader(state);
  visit_state(reader);
  return state;
}

void StagedTraining::set_state(const SavedState& state) {
  StateWriter writer(state);
  visit_state(writer);
  writer.refuse_rest();
}

void StagedTraining::visit_state(SavedStateVisitor& visitor) {
  visitor.value("run/has_begun", has_begun_);
  visitor.value("run/stage", stage_);
  visitor.value("run/is_in_stretch", is_in_stretch_);
  visitor.values("run/warnings", warnings_);
  visit_lists(visitor, "curves", curves_);
  const bool was_folded = is_folded_, was_frozen = is_frozen_;
  visitor.value("run/is_folded", is_folded_);
  visitor.value("run/is_frozen", is_frozen_);
  // The folded network is another: it has biases. Its values are those that follow.
  if (is_folded_ && !was_folded) fold_normalisation();
  if (is_frozen_ && !was_frozen) freeze_normalisation();
  visit_network(network_, visitor);
  pruner_.visit_state(visitor);
  if (health_) health_->visit_state(visitor);
  if (trainer_) trainer_->visit_state(visitor);
}

std::string StagedTraining::stage_name(std::size_t stage) const {
  if (stage >= plan_.size()) return "evaluation";
  return spec_.is_baseline() ? "float training" : plan_[stage].stage.name;
}

std::string StagedTraining::place() const {
  if (!is_in_stretch_) return stage_name(stage_);
  const int epochs = int(std::ceil(trainer_->epochs()));
  const int epoch = std::min(epochs, int(trainer_->epochs_done()) + 1);
  return fmt::format("epoch {} of {}", epoch, epochs);
}

}  // namespace bitsweep
