// The plain twins of what is done to codes element by element.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <type_traits>

#include "framework/engine/reference/integer.h"
#include "framework/engine/reference/windows.h"

namespace bitsweep::reference {
namespace {

template <class T>
T of_channel(std::span<const T> values, std::size_t channel) {
  return values.size() == 1 ? values[0] : values[channel];
}

std::int32_t with_bias(std::int32_t sum, std::span<const std::int32_t> bias,
                       std::size_t channel) {
  const std::int32_t addend = bias.empty() ? 0 : of_channel(bias, channel);
  return std::int32_t(std::uint32_t(sum) + std::uint32_t(addend));
}

template <class Code>
Code clamped(double code, CodeRange r) {
  if (std::isnan(code)) return Code(r.low);
  return Code(std::clamp(code + r.zero_point, double(r.low), double(r.high)));
}

// gemmlowp's own words.
std::int32_t high_product(std::int32_t a, std::int32_t b) {
  const std::int64_t product = std::int64_t(a) * b;
  const std::int64_t nudge = product >= 0 ? 1 << 30 : 1 - (1 << 30);
  return std::int32_t((product + nudge) / (std::int64_t{1} << 31));
}

std::int32_t product_with(std::int32_t sum, FixedPointMultiplier m) {
  const double shifted = std::ldexp(double(sum), std::max(-m.shift, 0));
  const double fitting = std::clamp(shifted, -0x1p31, 0x1p31 - 1);
  const std::int32_t product = high_product(std::int32_t(fitting), m.mantissa);
  return m.shift <= 0 ? product
                      : std::int32_t(std::round(std::ldexp(double(product), -m.shift)));
}

}  // namespace

template <class Code>
void quantize_values(std::span<const float> x, float scale, CodeRange range,
                     std::span<Code> codes) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    const float ratio = x[i] / scale;
    codes[i] = clamped<Code>(std::nearbyint(ratio), range);
  }
}

template <class Code>
void requantize(std::span<const std::int32_t> sums, std::span<const float> multipliers,
                std::span<const std::int32_t> bias, int channels, CodeRange range,
                std::span<Code> codes) {
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const std::size_t c = i % std::size_t(channels);
    const float product = float(with_bias(sums[i], bias, c)) * of_channel(multipliers, c);
    codes[i] = clamped<Code>(std::nearbyint(product), range);
  }
}

template <class Code>
void requantize_fixed_point(std::span<const std::int32_t> sums,
                            std::span<const FixedPointMultiplier> multipliers,
                            std::span<const std::int32_t> bias, int channels,
                            CodeRange range, std::span<Code> codes) {
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const std::size_t c = i % std::size_t(channels);
    codes[i] = clamped<Code>(
        product_with(with_bias(sums[i], bias, c), of_channel(multipliers, c)), range);
  }
}

template <class T>
void threshold_codes(const ThresholdTable<T>& table, std::span<const T> x,
                     std::span<std::uint8_t> codes) {
  const std::size_t channels = std::size_t(table.channels);
  const std::size_t count = table.thresholds.size() / channels;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::size_t c = i % channels;
    const bool descends = !table.descending.empty() && table.descending[c] != 0;
    double value = double(x[i]);
    if (table.of_magnitude) value = std::fabs(value);
    if (table.of_magnitude && std::is_same_v<T, std::int32_t>) {
      value = std::min(value, 0x1p31 - 1);
    }
    codes[i] = 0;
    for (const T t : table.thresholds.subspan(c * count, count)) {
      codes[i] += descends ? value <= double(t) : value >= double(t);
    }
  }
}

template <class Code>
void max_pool_codes(const PoolGeometry& geometry, int images, std::span<const Code> x,
                    std::span<Code> y) {
  std::fill(y.begin(), y.end(), std::numeric_limits<Code>::min());
  visit_windows(geometry, images, [&](std::size_t out, std::size_t in, int, int) {
    y[out] = std::max(y[out], x[in]);
  });
}

template <class Code>
void sum_pool_codes(const PoolGeometry& geometry, int images, std::span<const Code> x,
                    int zero_point, std::span<std::int32_t> y) {
  std::fill(y.begin(), y.end(), 0);
  visit_windows(geometry, images, [&](std::size_t out, std::size_t in, int, int) {
    y[out] += x[in] - zero_point;
  });
}

template <class Code>
void global_sum_codes(ImageShape shape, int images, std::span<const Code> x,
                      int zero_point, std::span<std::int32_t> y) {
  const PoolGeometry whole{
      shape, {1, 1, shape.channels}, std::max(shape.height, shape.width), 1, 0};
  reference::sum_pool_codes(whole, images, x, zero_point, y);
}

template <class Code>
void relu_codes(std::span<const Code> x, int zero_point, std::span<Code> y) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    y[i] = Code(std::max(int(x[i]), zero_point));
  }
}

void look_up(std::span<const std::uint8_t> x, std::span<const float> levels,
             std::span<float> y) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    y[i] = x[i] < levels.size() ? levels[x[i]] : std::numeric_limits<float>::quiet_NaN();
  }
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
#define BITSWEEP_FOR_BYTE(Code)                                                      \
  BITSWEEP_FOR_CODE(Code)                                                            \
  template void max_pool_codes(const PoolGeometry&, int, std::span<const Code>,      \
                               std::span<Code>);                                     \
  template void sum_pool_codes(const PoolGeometry&, int, std::span<const Code>, int, \
                               std::span<std::int32_t>);                             \
  template void global_sum_codes(ImageShape, int, std::span<const Code>, int,        \
                                 std::span<std::int32_t>);                           \
  template void relu_codes(std::span<const Code>, int, std::span<Code>);
BITSWEEP_FOR_BYTE(std::uint8_t)
BITSWEEP_FOR_BYTE(std::int8_t)
BITSWEEP_FOR_CODE(std::int16_t)
#undef BITSWEEP_FOR_BYTE
#undef BITSWEEP_FOR_CODE

template void threshold_codes(const ThresholdTable<float>&, std::span<const float>,
                              std::span<std::uint8_t>);
template void threshold_codes(const ThresholdTable<std::int32_t>&,
                              std::span<const std::int32_t>, std::span<std::uint8_t>);

}  // namespace bitsweep::reference
