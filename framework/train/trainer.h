// The training loop and evaluation.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "framework/config/run_spec.h"
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

/// Training of a network by a specification, for a number of steps that is known at
/// first.
class Trainer {
 public:
  /// `validation` may be null: then no curve of it is kept. `on_step` may be empty.
  /// `health`, when not null, observes each epoch.
  Trainer(Network& network, Batches& training, const Batches* validation,
          const TrainingSpec& spec, std::function<void(const StepReport&)> on_step,
          QuantizerHealth* health = nullptr);
  ~Trainer();

  /// Steps of a whole training: iterations, or epochs of whole batches.
  static std::int64_t steps_of(const TrainingSpec& spec, std::size_t images);

  /// Trains for `share` of the specification's steps and adds to `curves`. The schedule
  /// runs over all shares; above 0, `restart_over` begins it again, for that share.
  /// Throws RunError, with epoch and batch, when the loss is no longer finite.
  void train(double share, double restart_over, Curves& curves);

 private:
  void train_epoch(std::int64_t end, Curves& curves);
  void after_step();

  Network& network_;
  Batches& training_;
  const Batches* validation_;
  TrainingSpec spec_;
  std::function<void(const StepReport&)> on_step_;
  QuantizerHealth* health_;
  std::unique_ptr<class Optimizer> optimizer_;
  struct LatentHook {
    ChangesLatent* quantizer;
    const BoundSite* site;
  };
  std::vector<LatentHook> hooks_;
  BatchSource source_;
  std::size_t cursor_ = 0;  // position of the batch under way
  std::int64_t steps_per_epoch_ = 1;
  std::int64_t steps_ = 0;           // in all
  std::int64_t step_ = 0;            // done
  std::int64_t schedule_begin_ = 0;  // the step at which the schedule began (again)
  std::int64_t schedule_steps_ = 0;
  double planned_ = 0;  // shares asked for so far, in steps
  std::int64_t epoch_ = 0;
};

Loss loss_named(const std::string& name);

/// Runs a whole split through the network, which must be prepared for evaluation;
/// `predictions`, when not null, receives one class an image.
Score evaluate(Network& network, const Batches& batches, Loss loss,
               std::vector<std::int32_t>* predictions = nullptr);

/// Shows quantizers their weights and `batches` batches of activations.
/// `owners`: whose sites, see Network::calibrate_weights.
void calibrate(Network& network, const Batches& images, int batches,
               bool batch_statistics, std::span<const int> owners = {});

/// Gives batch normalisation the running statistics of the network as it is now, over
/// `batches` batches, at most those of an epoch; nothing in a network that has none.
void reestimate_normalisation(Network& network, const Batches& images, int batches);

}  // namespace bitsweep
