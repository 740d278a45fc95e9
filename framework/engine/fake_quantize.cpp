#include "framework/engine/fake_quantize.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "framework/core/error.h"

namespace bitsweep::kernels {
namespace {

// `round(v, i)`: a draw depends on the element's index.
template <class Round>
void quantize(std::span<const float> x, const UniformQuantization& quantization,
              std::span<float> y, Round round) {
  ensure(x.size() == y.size(), "fake quantization keeps the size");
  const UniformQuantization q = quantization;
  const float* in = x.data();
  float* out = y.data();
  const std::uint32_t n = std::uint32_t(x.size());
#pragma GCC ivdep
  for (std::uint32_t i = 0; i < n; ++i) {
    const float code = uniform_code(in[i], q, [&](float v) { return round(v, i); });
    out[i] = q.scale * (code - q.zero_point);
  }
}

}  // namespace

void fake_quantize(std::span<const float> x, const UniformQuantization& q,
                   Rounding rounding, std::span<float> y) {
  switch (rounding) {
    case Rounding::kHalfEven:
      return quantize(x, q, y, [](float v, std::uint32_t) { return round_half_even(v); });
    case Rounding::kHalfAway:
      return quantize(x, q, y, [](float v, std::uint32_t) { return round_half_away(v); });
    case Rounding::kHalfUp:
      return quantize(x, q, y, [](float v, std::uint32_t) { return round_half_up(v); });
    case Rounding::kFloor:
      return quantize(x, q, y, [](float v, std::uint32_t) { return std::floor(v); });
    case Rounding::kStochastic:
      ensure(false, "stochastic rounding needs its draws: fake_quantize_stochastic");
  }
}

void fake_quantize_stochastic(std::span<const float> x, const UniformQuantization& q,
                              const RandomStream& random, std::uint32_t offset,
                              std::span<float> y) {
  quantize(x, q, y, [draws = random, offset](float v, std::uint32_t i) {
    return round_stochastic(v, draws.uniform_at(offset + i));
  });
}

}  // namespace bitsweep::kernels
