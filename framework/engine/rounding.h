// Rounding and straight-through rules, each by its name: never just "round".
#pragma once

#include <cmath>
#include <string>
#include <string_view>
#include <vector>

namespace bitsweep {

enum class Rounding {
  kHalfEven,    // ties to even, as the vector instruction rounds
  kHalfAway,    // sign(x) floor(|x| + 0.5): C's round
  kHalfUp,      // floor(x + 0.5)
  kFloor,       // floor(x)
  kStochastic,  // floor(x + u), u uniform in (0, 1)
};

/// "half_even", "half_away", "half_up", "floor", "stochastic".
std::vector<std::string> rounding_names();
/// Throws ConfigError with the list when there is none of that name.
Rounding rounding_named(std::string_view name);

// The rules themselves, for any size of x: none adds a half or a draw to x, where the sum
// would be rounded before it is looked at. Infinities stay, NaN stays NaN.

inline float round_half_even(float x) { return std::nearbyint(x); }

inline float round_half_away(float x) {
  const float magnitude = std::fabs(x);
  const float whole = std::trunc(magnitude);
  return std::copysign(whole + (magnitude - whole >= 0.5f ? 1.0f : 0.0f), x);
}

inline float round_half_up(float x) {
  const float whole = std::floor(x);
  return whole + (x - whole >= 0.5f ? 1.0f : 0.0f);
}

/// floor(x + u): up with the probability of x's fraction; an integer stays what it is.
inline float round_stochastic(float x, float u) {
  const float whole = std::floor(x);
  return whole + (u >= 1 - (x - whole) ? 1.0f : 0.0f);
}

/// The rules as C's library has them, in double, where adding a half to a float is exact.
/// Of kStochastic, which needs a draw, the floor.
double rounded(double x, Rounding rounding);

/// What dL/dx is, given g = dL/dq, for q = Q(x).
enum class StraightThrough {
  kIdentity,    // g
  kClip1,       // g where |x| <= 1
  kRange,       // g where low < x < high: the grid's own ends
  kPolynomial,  // g (2 - 2|x|) where |x| <= 1 (Bi-Real)
  kSwish,       // g b (2 - b x tanh(b x / 2)) / (1 + cosh(b x)), b = 5 (BNN+)
};

/// "identity", "clip1", "range", "polynomial", "swish".
std::vector<std::string> straight_through_names();
StraightThrough straight_through_named(std::string_view name);

}  // namespace bitsweep
