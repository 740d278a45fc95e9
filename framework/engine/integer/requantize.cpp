#include "framework/engine/integer/requantize.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "framework/core/error.h"

namespace bitsweep {

FixedPointMultiplier fixed_point_multiplier(double m) {
  ensure(m >= 0 && m < 0x1p31, "a multiplier is a ratio of positive scales");
  int exponent = 0;
  const double fraction = std::frexp(m, &exponent);  // in [0.5, 1)
  auto mantissa = std::int64_t(std::round(fraction * 0x1p31));
  if (mantissa == std::int64_t{1} << 31) mantissa /= 2, ++exponent;
  if (mantissa == 0 || exponent < -31) return {};
  return {std::int32_t(mantissa), -exponent};
}

namespace kernels {
namespace {

std::int32_t wrapping_add(std::int32_t a, std::int32_t b) {
  return std::int32_t(std::uint32_t(a) + std::uint32_t(b));
}

// The ends before the zero point is added: integers, so that clamping before rounding is
// clamping after it, and no float is too large for an integer.
struct FloatEnds {
  explicit FloatEnds(CodeRange r)
      : low(float(r.low - r.zero_point)), high(float(r.high - r.zero_point)) {}
  float low, high;
};

template <class Code>
Code rounded(float x, FloatEnds ends, int zero_point) {
  const float raised = x > ends.low ? x : ends.low;
  const float clamped = raised < ends.high ? raised : ends.high;
  return Code(std::int32_t(std::nearbyint(clamped)) + zero_point);
}

template <class Code>
Code clamped(std::int64_t code, CodeRange r) {
  return Code(std::clamp<std::int64_t>(code + r.zero_point, r.low, r.high));
}

template <class Code>
struct ByMultiplier {
  FloatEnds ends;
  int zero_point;
  Code operator()(std::int32_t sum, float multiplier) const {
    return rounded<Code>(float(sum) * multiplier, ends, zero_point);
  }
};

template <class Code>
struct ByFixedPoint {
  CodeRange range;
  Code operator()(std::int32_t sum, FixedPointMultiplier m) const {
    using Limits = std::numeric_limits<std::int32_t>;
    const std::int64_t shifted =
        std::int64_t(sum) * (std::int64_t{1} << std::max(-m.shift, 0));
    const auto fitting =
        std::int32_t(std::clamp<std::int64_t>(shifted, Limits::min(), Limits::max()));
    // The mantissa is never negative: what saturates in the general product cannot occur.
    const auto product = std::int32_t(
        (std::int64_t(fitting) * m.mantissa + (std::int64_t{1} << 30)) >> 31);
    return clamped<Code>(rounding_shift(product, std::max(m.shift, 0)), range);
  }
};

template <class Multiplier, class Code, class Convert>
void for_each_sum(std::span<const std::int32_t> sums,
                  std::span<const Multiplier> multipliers,
                  std::span<const std::int32_t> bias, int channels, std::span<Code> codes,
                  Convert convert) {
  const std::size_t depth = std::size_t(channels);
  const bool per_channel = multipliers.size() > 1, one_bias = bias.size() == 1;
  const Multiplier first = multipliers[0];
  if (!per_channel && bias.size() <= 1) {
    const std::int32_t addend = one_bias ? bias[0] : 0;
    for (std::size_t i = 0; i < sums.size(); ++i) {
      codes[i] = convert(wrapping_add(sums[i], addend), first);
    }
    return;
  }
  for (std::size_t begin = 0; begin < sums.size(); begin += depth) {
    const std::int32_t* from = sums.data() + begin;
    Code* __restrict to = codes.data() + begin;
    if (bias.size() <= 1) {
      const std::int32_t addend = one_bias ? bias[0] : 0;
      for (std::size_t c = 0; c < depth; ++c) {
        to[c] = convert(wrapping_add(from[c], addend), multipliers[c]);
      }
    } else if (per_channel) {
      for (std::size_t c = 0; c < depth; ++c) {
        to[c] = convert(wrapping_add(from[c], bias[c]), multipliers[c]);
      }
    } else {
      for (std::size_t c = 0; c < depth; ++c) {
        to[c] = convert(wrapping_add(from[c], bias[c]), first);
      }
    }
  }
}

}  // namespace

template <class Code>
void quantize_values(std::span<const float> x, float scale, CodeRange range,
                     std::span<Code> codes) {
  const FloatEnds ends(range);
  for (std::size_t i = 0; i < x.size(); ++i) {
    codes[i] = rounded<Code>(x[i] / scale, ends, range.zero_point);
  }
}

template <class Code>
void requantize(std::span<const std::int32_t> sums, std::span<const float> multipliers,
                std::span<const std::int32_t> bias, int channels, CodeRange range,
                std::span<Code> codes) {
  for_each_sum(sums, multipliers, bias, channels, codes,
               ByMultiplier<Code>{FloatEnds(range), range.zero_point});
}

template <class Code>
void requantize_fixed_point(std::span<const std::int32_t> sums,
                            std::span<const FixedPointMultiplier> multipliers,
                            std::span<const std::int32_t> bias, int channels,
                            CodeRange range, std::span<Code> codes) {
  for_each_sum(sums, multipliers, bias, channels, codes, ByFixedPoint<Code>{range});
}

#define BITSWEEP_FOR_CODE(Code)                                                   \
  template void quantize_values(std::span<const float>, float, CodeRange,         \
                                std::span<Code>);                                 \
  template void requantize(std::span<const std::int32_t>, std::span<const float>, \
                           std::span<const std::int32_t>, int, CodeRange,         \
                           std::span<Code>);                                      \
  template void requantize_fixed_point(                                           \
      std::span<const std::int32_t>, std::span<const FixedPointMultiplier>,       \
      std::span<const std::int32_t>, int, CodeRange, std::span<Code>);
BITSWEEP_FOR_CODE(std::uint8_t)
BITSWEEP_FOR_CODE(std::int8_t)
BITSWEEP_FOR_CODE(std::int16_t)
#undef BITSWEEP_FOR_CODE

}  // namespace kernels
}  // namespace bitsweep
