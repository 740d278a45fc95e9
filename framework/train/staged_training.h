// A run from its quantized network to the network that is scored: stage by stage, from
// wherever its state stands.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "framework/config/run_spec.h"
#include "framework/core/saved_state.h"
#include "framework/data/batches.h"
#include "framework/data/dataset.h"
#include "framework/nn/attachment.h"
#include "framework/nn/network.h"
#include "framework/train/health.h"
#include "framework/train/pruner.h"
#include "framework/train/stage_plan.h"
#include "framework/train/trainer.h"

namespace bitsweep {

/// Hears of a run's training, and may have its state. The default wants nothing.
class TrainingObserver {
 public:
  virtual ~TrainingObserver() = default;
  virtual void stage_began(const std::string& /*stage*/) {}
  virtual void stepped(const std::string& /*stage*/, const StepReport&) {}
  virtual void warned(const std::string& /*text*/) {}

  /// Asked between two batches; must cost next to nothing.
  virtual bool wants_state() { return false; }
  /// May throw, to end the run there. `state` can be shown until this returns.
  virtual void take_state(const ShowState& /*state*/) {}
  /// Whether `take_state` may ever be called.
  virtual bool may_want_state() const { return false; }
};

/// The training that a run does itself, or null: calibration alone.
const TrainingSpec* own_training(const RunSpec& spec);

/// The stages of a run's methods, pruning and training, as one state that is read and
/// replaced: what comes next is a function of it, of the run's specification and data.
/// All random draws are functions of the seed and of the step or epoch they are for
/// (`RandomStream`), so the position stands for every stream.
class StagedTraining {
 public:
  /// All of them must outlive it. The network is built, its quantizers those of
  /// `methods`. `with_health`: whether quantizers are observed. `teacher`: see Trainer.
  StagedTraining(const RunSpec& spec, const Dataset& data,
                 const Preprocessing& preprocessing, Network& network,
                 const MethodList& methods, TrainingObserver& observer, bool with_health,
                 Network* teacher = nullptr);

  /// From where the state stands to the end of all stages. Throws RunError.
  void run();

  /// After the network has been scored: figures of a network that was not trained, and
  /// of how the quantizers are left.
  void finish_health();

  /// Gives the state to the observer, where it wants it: call it between two batches of
  /// what follows training.
  void pause();

  /// The whole state; of a stage under way that cannot be cut, as it began.
  SavedState state();
  /// Throws StateError or MethodError where it is not a state of this run; then this
  /// object is of no further use.
  void set_state(const SavedState& state);

  /// One value an epoch, by name; and sentences about what has gone wrong.
  Curves& curves() { return curves_; }
  const std::vector<std::string>& warnings() const { return warnings_; }
  /// Shows quantized weights and activations as they are now, where health is observed.
  void show(const QuantizerHealth::Look& look) { health_->show(look); }

  /// "epoch 7 of 10", "calibrate", "evaluation".
  std::string place() const;

 private:
  void begin();
  void carry_out(const PlannedStage& planned);
  void train(const PlannedStage& planned);
  void calibrate(std::span<const int> owners);
  void transform(const PlannedStage& planned);
  void reestimate(const Stage& stage);
  void fold_normalisation();
  void freeze_normalisation();
  void after_step(const StepReport& step);
  template <class Work>
  void uncut(Work work);
  void visit_state(SavedStateVisitor& visitor);
  std::string stage_name(std::size_t stage) const;

  const RunSpec& spec_;
  const Dataset& data_;
  const Preprocessing& preprocessing_;
  Network& network_;
  const MethodList& methods_;
  TrainingObserver& observer_;
  Batches validation_;
  std::optional<Batches> images_;  // of training
  std::vector<PlannedStage> plan_;
  std::optional<SavedState> begin_of_uncut_;

  // The state, beside the network's.
  Pruner pruner_;
  std::optional<QuantizerHealth> health_;
  std::optional<Trainer> trainer_;
  Curves curves_;
  std::vector<std::string> warnings_;
  bool has_begun_ = false;
  bool is_folded_ = false;
  bool is_frozen_ = false;
  std::size_t stage_ = 0;       // of the plan: under way, or next
  bool is_in_stretch_ = false;  // of training
};

}  // namespace bitsweep
