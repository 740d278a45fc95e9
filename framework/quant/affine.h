// Scale and zero point from a range, and codes from both, in the orders of operations of
// the libraries that quantize to integers: what they print can be had bit for bit.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>

#include "framework/engine/fake_quantize.h"
#include "framework/engine/reductions.h"
#include "framework/engine/rounding.h"
#include "framework/quant/range.h"

namespace bitsweep {

/// Where rounding stands: round(x / s) + z, round(x / s + z), round(x (1 / s)) + z.
enum class CodeOrder { kOnnx, kTensorflow, kPytorch };

struct AffineCodes {
  std::int32_t low = -127, high = 127;
  bool symmetric = true;
  std::int32_t centre = 0;  // the zero point of a symmetric range
  bool half_range = false;  // its scale is max|x| over (high - low) / 2; else over the
                            // steps from the centre to `high`
  float least_scale = 0;
  Rounding rounding = Rounding::kHalfEven;  // not stochastic
  CodeOrder order = CodeOrder::kOnnx;

  friend bool operator==(const AffineCodes&, const AffineCodes&) = default;

  /// Between the centre and the highest code; of an affine grid all of them.
  int steps() const { return symmetric ? high - centre : high - low; }
};

/// f(round), round the function of that name.
template <class F>
auto with_rounding(Rounding rounding, F f) {
  switch (rounding) {
    case Rounding::kHalfAway:
      return f([](float v) { return round_half_away(v); });
    case Rounding::kHalfUp:
      return f([](float v) { return round_half_up(v); });
    default:
      return f([](float v) { return round_half_even(v); });
  }
}

/// f(code), code(x, q) the code of x before it is clamped.
template <class F>
auto with_code(const AffineCodes& codes, F f) {
  return with_rounding(codes.rounding, [&](auto round) {
    switch (codes.order) {
      case CodeOrder::kTensorflow:
        return f([round](float x, const UniformQuantization& q) {
          return round(x / q.scale + q.zero_point);
        });
      case CodeOrder::kPytorch:
        return f([round](float x, const UniformQuantization& q) {
          return round(x * (1.0f / q.scale)) + q.zero_point;
        });
      default:
        return f([round](float x, const UniformQuantization& q) {
          return round(x / q.scale) + q.zero_point;
        });
    }
  });
}

/// NaN stays NaN; never -0.
inline float clamped(float code, const UniformQuantization& q) {
  const float raised = code < q.low ? q.low : code;
  return (raised > q.high ? q.high : raised) + 0.0f;
}

/// The range is widened to hold 0. In float arithmetic, as PyTorch computes both.
inline UniformQuantization affine_quantization(const Range& range,
                                               const AffineCodes& codes) {
  // Ends that no grid's steps carry beyond the largest float.
  constexpr float kFarthest = std::numeric_limits<float>::max() / 4;
  const float low = std::clamp(range.low, -kFarthest, 0.0f);
  const float high = std::clamp(range.high, 0.0f, kFarthest);
  const float levels = float(codes.high - codes.low);
  const float size = codes.symmetric ? std::max(-low, high) : high - low;
  const float steps = !codes.symmetric   ? levels
                      : codes.half_range ? levels / 2
                                         : float(codes.steps());
  float scale = std::max(size / steps, codes.least_scale);
  scale =
      scale == 0 && size == 0 ? 1 : std::max(scale, std::numeric_limits<float>::min());
  float zero_point = float(codes.centre);
  if (!codes.symmetric) {
    const float first = float(codes.low);
    zero_point = with_rounding(codes.rounding, [&](auto round) {
      return codes.order == CodeOrder::kPytorch ? first - round(low / scale)
                                                : round(first - low / scale);
    });
    zero_point = std::clamp(zero_point, first, float(codes.high)) + 0.0f;
  }
  return {.scale = scale,
          .zero_point = zero_point,
          .low = float(codes.low),
          .high = float(codes.high)};
}

/// Of the least and the largest number in x.
inline UniformQuantization affine_quantization_of(std::span<const float> x,
                                                  const AffineCodes& codes) {
  const auto [low, high] = kernels::min_max(x);
  return affine_quantization(low <= high ? Range{low, high} : Range{0, 0}, codes);
}

}  // namespace bitsweep
