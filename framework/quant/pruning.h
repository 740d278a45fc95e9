// Pruning: which weights of a tensor are taken away, and what becomes of its codes. A
// pruned weight is 0 for good, whatever a quantizer makes of 0.
//
// Han, Pool, Tran, Dally, "Learning both Weights and Connections for Efficient Neural
// Networks", arXiv:1506.02626; Zhu, Gupta, "To prune, or not to prune", arXiv:1710.01878.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "framework/quant/encoded.h"
#include "framework/quant/site.h"

namespace bitsweep {

/// How far a tensor, or some together, are pruned.
struct Pruning {
  enum class Threshold {
    kMagnitude,  // `amount` is the share of the weights that stays, the largest
    kDeviation   // |w| >= amount * population standard deviation stays
  };
  Threshold threshold = Threshold::kMagnitude;
  double amount = 1;
};

/// Weights and their mask: 1, or 0 where a weight is pruned.
struct MaskedWeights {
  std::span<const float> weights;
  std::span<float> kept;
};

/// Takes weights away from the mask until the tensors, taken together, are pruned so far;
/// what is pruned already stays so. Of equal sizes the first stay. One weight at least is
/// kept. The standard deviation is that of the weights still there.
void prune(std::span<const MaskedWeights> tensors, const Pruning& pruning);

/// How far a schedule has come: 1 at its end. Zhu and Gupta: 1 - (1 - t)^3.
double cubic_progress(double t);
/// `whole` when a part of the way is gone. Shares: 1 - (1 - keep) progress.
Pruning partial(const Pruning& whole, double progress);
/// After `round` of `rounds`, each of which takes the same share of what is left; of
/// deviations the same part of the threshold.
Pruning after_round(const Pruning& whole, int round, int rounds);

/// `encoded` with code and value 0 where `kept` is 0. A grid that lacks 0 in some channel
/// becomes a level grid that has it. Throws MethodError where codes stand for vectors.
Encoded without_pruned(Encoded encoded, std::span<const float> kept);

/// A quantizer that works on the weights that are there: it hears of a mask before
/// `calibrate` and `prepare` see weights with zeros for what is pruned.
class KnowsPruned {
 public:
  virtual ~KnowsPruned() = default;
  virtual void set_kept(std::span<const float> kept) = 0;
  /// Of a quantizer whose weights cannot be pruned, a sentence that says why.
  virtual std::string why_not_pruned() const { return ""; }
};

/// The weights that are left, in their order; all where there is no mask.
std::vector<float> left_of(std::span<const float> w, std::span<const float> kept);

/// Which weights of each group are left; all, until a mask says otherwise. Groups have one
/// size and lie one behind the other. Pruned weights are 0, so that a sum over what is
/// left is one over all, and a mean is that sum over how many are left.
class LeftWeights {
 public:
  LeftWeights(std::size_t groups, std::size_t size);

  void set_kept(std::span<const float> kept);
  std::size_t in(std::size_t group) const { return counts_[group]; }
  std::size_t pruned_in(std::size_t group) const { return size_ - counts_[group]; }
  /// Puts 0 where `values`, one for each weight of the group, are of pruned weights.
  void clear(std::span<float> values, std::size_t group) const;

 private:
  std::size_t size_;
  std::vector<std::size_t> counts_;
  std::vector<float> kept_;  // or none, where all are
};

/// A method that prunes before its first stage, where the run says nothing of pruning.
class PrunesWeights {
 public:
  virtual ~PrunesWeights() = default;
  virtual Pruning pruning(const Site& weights) const = 0;
  /// The parameters that say so; a row gives these or `pruning`, not both.
  virtual std::vector<std::string> pruning_keys() const { return {}; }
  /// Whether dropout becomes less with what is pruned, as `scale_dropout` of a run has it.
  virtual bool scales_dropout() const { return false; }
};

}  // namespace bitsweep
