// The gradient of a staircase, by the rule's name.
#pragma once

#include <span>

#include "framework/quant/rounding.h"

namespace bitsweep {

/// Where a rule looks at the grid's own ends.
struct Ends {
  float low = -1;
  float high = 1;  // also the `a` of kClip0A
};

/// dx = rule(x, dy); dx may be dy or x.
void straight_through(StraightThrough rule, std::span<const float> x,
                      std::span<const float> dy, std::span<float> dx, Ends ends = {});

}  // namespace bitsweep
