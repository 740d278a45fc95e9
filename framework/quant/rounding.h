// Rounding and straight-through rules, each by its name: never just "round".
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bitsweep {

enum class Rounding {
  kHalfEven,    // ties to even, as the vector instruction rounds
  kHalfAway,    // sign(x) floor(|x| + 0.5): C's round
  kHalfUp,      // floor(x + 0.5)
  kFloor,       // floor(x)
  kStochastic,  // floor(x + u), u uniform in [0, 1)
};

/// "half_even", "half_away", "half_up", "floor", "stochastic".
std::vector<std::string> rounding_names();
Rounding rounding_named(std::string_view name);

/// What dL/dx is, given g = dL/dq, for q = Q(x).
enum class StraightThrough {
  kIdentity,    // g
  kClip1,       // g where |x| <= 1
  kClip01,      // g where 0 <= x <= 1
  kClip0A,      // g where 0 < x < a
  kRange,       // g where low < x < high: the grid's own ends
  kPolynomial,  // g (2 - 2|x|) where |x| <= 1 (Bi-Real)
  kSwish,       // g b (2 - b x tanh(b x / 2)) / (1 + cosh(b x)), b = 5 (BNN+)
};

std::vector<std::string> straight_through_names();
StraightThrough straight_through_named(std::string_view name);

}  // namespace bitsweep
