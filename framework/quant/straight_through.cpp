#include "framework/quant/straight_through.h"

#include <cmath>

#include "framework/quant/loops.h"

namespace bitsweep {
namespace {

// The derivative of BNN+'s swish sign. Beyond |x| = 8 it is below 1e-14, and cosh would
// overflow soon after.
float swish_slope(float x) {
  if (std::fabs(x) > 8) return 0;
  constexpr float b = 5;
  const float bx = b * x;
  return b * (2 - bx * std::tanh(bx / 2)) / (1 + std::cosh(bx));
}

}  // namespace

void straight_through(StraightThrough rule, std::span<const float> x,
                      std::span<const float> dy, std::span<float> dx, Ends ends) {
  switch (rule) {
    case StraightThrough::kIdentity:
      return copy(dy, dx);
    case StraightThrough::kClip1:
      return transform(x, dy, dx,
                       [](float v, float g) { return std::fabs(v) <= 1 ? g : 0.0f; });
    case StraightThrough::kClip01:
      return transform(x, dy, dx,
                       [](float v, float g) { return (0 <= v) & (v <= 1) ? g : 0.0f; });
    case StraightThrough::kClip0A:
      return transform(x, dy, dx, [a = ends.high](float v, float g) {
        return (0 < v) & (v < a) ? g : 0.0f;
      });
    case StraightThrough::kRange:
      return transform(x, dy, dx, [ends](float v, float g) {
        return (ends.low < v) & (v < ends.high) ? g : 0.0f;
      });
    case StraightThrough::kPolynomial:
      return transform(x, dy, dx, [](float v, float g) {
        const float size = std::fabs(v);
        return size <= 1 ? g * (2 - 2 * size) : 0.0f;
      });
    case StraightThrough::kSwish:
      return transform(x, dy, dx, [](float v, float g) { return g * swish_slope(v); });
  }
}

}  // namespace bitsweep
