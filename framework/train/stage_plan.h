// What a run does after the float baseline: the stages of all its methods in one order.
#pragma once

#include <cstdint>
#include <vector>

#include "framework/quant/stage.h"

namespace bitsweep {

/// Places in training are sums of shares: those less than this apart are one.
inline constexpr double kSamePlace = 1e-9;

/// A stage as the run does it: `stage.share` is that of this stretch of training.
struct PlannedStage {
  Stage stage;
  std::vector<int> owners;  // whose sites it concerns: indices of the lists
  /// The share of the fine-tuning over which the schedule begins again; 0: it goes on.
  double restart_over = 0;
};

/// Stages in shares of a training of `steps`, 0 where there is none: what is in steps is
/// turned into a share, and none is larger than what is left.
std::vector<Stage> in_shares(std::vector<Stage> stages, std::int64_t steps);

/// Merges the lists. A stage lies where its list has trained for the shares before it;
/// training is cut wherever a list has something to do. At one place each list keeps its
/// order; what is not training comes in the order of the lists, but calibrations that are
/// due at once are one, behind the transforms before them. The schedule is the network's:
/// it begins again where any list's training asks for it. Lists without training come
/// behind all training.
std::vector<PlannedStage> merge_stages(const std::vector<std::vector<Stage>>& lists);

}  // namespace bitsweep
