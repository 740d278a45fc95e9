// From real values and from 32-bit sums to codes. Spans over pixels are [pixels,
// channels]; a parameter span holds one value for all channels or one for each. Codes are
// uint8, int8 or int16. One thread; no allocation; x and codes do not overlap.
//
// A ReLU costs nothing: low = zero_point. So does its upper end: high.
#pragma once

#include <cstdint>
#include <limits>
#include <span>

namespace bitsweep {

/// clamp(code + zero_point, low, high); low and high fit the codes' type.
struct CodeRange {
  int zero_point = 0;
  int low = 0;
  int high = 255;
};

/// M = mantissa * 2^-(31 + shift), mantissa in [2^30, 2^31) or 0; a negative shift is to
/// the left (M >= 1).
struct FixedPointMultiplier {
  std::int32_t mantissa = 0;
  int shift = 0;
};

/// The nearest one, halves away from zero. For 0 <= m < 2^31; below 2^-32 it is 0, as is
/// every product with it.
FixedPointMultiplier fixed_point_multiplier(double m);

/// The high half of 2ab, halves towards +infinity (gemmlowp's
/// SaturatingRoundingDoublingHighMul). Only the smallest integer's square saturates.
inline std::int32_t doubling_high_product(std::int32_t a, std::int32_t b) {
  constexpr auto kLowest = std::numeric_limits<std::int32_t>::min();
  if (a == kLowest && b == kLowest) return std::numeric_limits<std::int32_t>::max();
  return std::int32_t((std::int64_t(a) * b + (std::int64_t{1} << 30)) >> 31);
}

/// x / 2^n, halves away from zero (gemmlowp's RoundingDivideByPOT), 0 <= n <= 31.
inline std::int32_t rounding_shift(std::int32_t x, int n) {
  const auto mask = std::int32_t((std::uint32_t{1} << n) - 1);
  const std::int32_t threshold = (mask >> 1) + (x < 0);
  return (x >> n) + ((x & mask) > threshold);
}

namespace kernels {

/// codes = clamp(round(x / scale) + zero_point), ties to even, by division: x * (1 /
/// scale) differs. As ONNX's QuantizeLinear. Infinities go to the ends, NaN to low.
template <class Code>
void quantize_values(std::span<const float> x, float scale, CodeRange range,
                     std::span<Code> codes);

/// codes = clamp(round(float(sum + bias) * multiplier) + zero_point), ties to even,
/// product and conversion rounded to float: as ONNX Runtime's QLinearConv does it with
/// multiplier = float(input scale * weight scale / output scale). `bias` may be empty;
/// sum + bias wraps.
template <class Code>
void requantize(std::span<const std::int32_t> sums, std::span<const float> multipliers,
                std::span<const std::int32_t> bias, int channels, CodeRange range,
                std::span<Code> codes);

/// The same on integers alone: rounding_shift(doubling_high_product(sum + bias,
/// mantissa), shift), which rounds twice and so may differ by 1 (Jacob et al. 2018,
/// arXiv:1712.05877, section 2.2; gemmlowp). A shift to the left comes first and
/// saturates.
template <class Code>
void requantize_fixed_point(std::span<const std::int32_t> sums,
                            std::span<const FixedPointMultiplier> multipliers,
                            std::span<const std::int32_t> bias, int channels,
                            CodeRange range, std::span<Code> codes);

}  // namespace kernels
}  // namespace bitsweep
