// The training loop and evaluation.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "framework/config/run_spec.h"
#include "framework/core/saved_state.h"
#include "framework/data/batches.h"
#include "framework/nn/network.h"

namespace bitsweep {

/// Figures of one pass over a split.
struct Score {
  double loss = 0;      // mean
  double accuracy = 0;  // a share
};

/// One value an epoch, by name ("train/loss", "validation/accuracy", "learning_rate").
using Curves = std::map<std::string, std::vector<double>>;

/// Told of each training step; `epoch_score` is of the epoch so far.
struct StepReport {
  std::int64_t step = 0;   // done, of this training
  std::int64_t steps = 1;  // in all
  double epoch = 0;
  Score epoch_score;
};

class QuantizerHealth;

/// Called between two batches; may throw, to end what is under way.
using BetweenBatches = std::function<void()>;

/// Training of a network by a specification, for a number of steps that is known at
/// first.
///
/// What it does next follows from its state, the network's and that of `health`: random
/// draws are functions of the seed and of the step or epoch they belong to. So training
/// goes on, bit for bit, in another process that is given these.
class Trainer {
 public:
  /// `validation` may be null: then no curve of it is kept. `on_step` may be empty.
  /// `health`, when not null, observes each epoch. `between` is called where the state
  /// is whole: before each step and each batch of a validation.
  /// `teacher`: what the specification's distillation follows, a network of the same
  /// batch that is prepared for evaluation; null where there is none.
  Trainer(Network& network, Batches& training, const Batches* validation,
          const TrainingSpec& spec, std::function<void(const StepReport&)> on_step,
          QuantizerHealth* health = nullptr, BetweenBatches between = {},
          Network* teacher = nullptr);
  ~Trainer();

  /// Steps of a whole training: iterations, or epochs of whole batches.
  static std::int64_t steps_of(const TrainingSpec& spec, std::size_t images);

  /// Trains for `share` of the specification's steps and adds to `curves`. The schedule
  /// runs over all shares; above 0, `restart_over` begins it again, for that share.
  /// Throws RunError, with epoch and batch, when the loss is no longer finite.
  void train(double share, double restart_over, Curves& curves);

  /// The two halves of `train`: a trainer whose state was replaced is in the midst of the
  /// second.
  void begin_stretch(double share, double restart_over);
  void finish_stretch(Curves& curves);

  /// Where training stands, and the optimizer's state; not the network's.
  void visit_state(SavedStateVisitor& visitor);

  /// Epochs done, the one under way by its share; of how many.
  double epochs_done() const { return double(step_) / double(steps_per_epoch_); }
  double epochs() const { return double(steps_) / double(steps_per_epoch_); }

 private:
  enum class Phase { kBetweenEpochs, kSteps, kValidation };

  /// Of the epoch under way.
  struct Sums {
    double loss = 0;
    std::int64_t correct = 0;
    std::int64_t images = 0;
    double rate = 0;  // of the last step

    Score score() const {
      return {loss / double(images), double(correct) / double(images)};
    }
  };

  void begin_epoch();
  void finish_steps();
  void step(Loss loss);
  void after_step();
  void close_steps(Curves& curves);
  void validate(Curves& curves);

  Network& network_;
  Batches& training_;
  const Batches* validation_;
  TrainingSpec spec_;
  std::function<void(const StepReport&)> on_step_;
  QuantizerHealth* health_;
  BetweenBatches between_;
  Network* teacher_;
  std::unique_ptr<class Optimizer> optimizer_;
  struct LatentHook {
    ChangesLatent* quantizer;
    const BoundSite* site;
  };
  std::vector<LatentHook> hooks_;
  BatchSource source_;
  std::size_t cursor_ = 0;  // position of the batch under way
  std::int64_t steps_per_epoch_ = 1;
  std::int64_t steps_ = 0;  // in all

  // The state, beside the optimizer's.
  std::int64_t step_ = 0;            // done
  std::int64_t stretch_end_ = 0;     // the step at which the stretch under way ends
  std::int64_t schedule_begin_ = 0;  // the step at which the schedule began (again)
  std::int64_t schedule_steps_ = 0;
  double planned_ = 0;  // shares asked for so far, in steps
  std::int64_t epoch_ = 0;
  std::int64_t epoch_end_ = 0;  // the step at which the epoch under way ends
  Phase phase_ = Phase::kBetweenEpochs;
  Sums sums_;
};

Loss loss_named(const std::string& name);

/// Runs a whole split through the network, which must be prepared for evaluation;
/// `predictions`, when not null, receives one class an image. Here and below `between`
/// is called before each batch.
Score evaluate(Network& network, const Batches& batches, Loss loss,
               std::vector<std::int32_t>* predictions = nullptr,
               const BetweenBatches& between = {});

/// Shows quantizers their weights and `batches` batches of activations.
/// `owners`: whose sites, see Network::calibrate_weights.
void calibrate(Network& network, const Batches& images, int batches,
               bool batch_statistics, std::span<const int> owners = {},
               const BetweenBatches& between = {});

/// Gives batch normalisation the running statistics of the network as it is now, over
/// `batches` batches, at most those of an epoch; nothing in a network that has none.
void reestimate_normalisation(Network& network, const Batches& images, int batches,
                              const BetweenBatches& between = {});

}  // namespace bitsweep
