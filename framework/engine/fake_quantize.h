// Quantize and dequantize in one go: the element-wise heart of every uniform quantizer.
// Spans of a call have one size; y may be the same memory as x. NaN stays NaN, infinities
// go to the ends of the grid. One thread; no allocation.
#pragma once

#include <cstdint>
#include <span>

#include "framework/core/random.h"
#include "framework/engine/rounding.h"

namespace bitsweep {

/// One scale for all values: value = scale * (code - zero_point), low <= code <= high.
struct UniformQuantization {
  float scale = 1;
  float zero_point = 0;
  float low = 0;
  float high = 0;
};

/// The code of x, an integer in float: what `kernels::fake_quantize` turns back into a
/// value. The order of operations is part of the contract: whoever encodes must use this.
/// Never -0, which no integer code decodes to.
template <class Round>
float uniform_code(float x, const UniformQuantization& q, Round round) {
  const float code = round(x / q.scale + q.zero_point);
  const float raised = code < q.low ? q.low : code;
  return (raised > q.high ? q.high : raised) + 0.0f;
}

namespace kernels {

/// y = scale * (clamp(round(x / scale + zero_point), low, high) - zero_point), by any
/// rounding but the stochastic.
void fake_quantize(std::span<const float> x, const UniformQuantization& q,
                   Rounding rounding, std::span<float> y);

/// The same by stochastic rounding; element i takes the draw at `offset + i`.
void fake_quantize_stochastic(std::span<const float> x, const UniformQuantization& q,
                              const RandomStream& random, std::uint32_t offset,
                              std::span<float> y);

}  // namespace kernels
}  // namespace bitsweep
