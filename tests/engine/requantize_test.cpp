// Requantization against worked examples, ties, and the plain twin.

#include "framework/engine/integer/requantize.h"

#include <cmath>
#include <limits>
#include <vector>

#include <catch2/catch.hpp>

#include "framework/core/random.h"
#include "framework/engine/reference/integer.h"

namespace bitsweep {
namespace {

using Sums = std::vector<std::int32_t>;
constexpr float kSumInfinity = std::numeric_limits<float>::infinity();
constexpr CodeRange kInt8 = {0, -128, 127};

// Sums of all sizes, the extremes first.
Sums random_sums(std::size_t count) {
  const RandomStream random(5, "sums");
  Sums sums(count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto bits = random.bits_at(std::uint32_t(i));
    sums[i] = std::int32_t(bits) >> (bits % 32);
  }
  if (count > 0) sums[0] = std::numeric_limits<std::int32_t>::min();
  if (count > 1) sums[1] = std::numeric_limits<std::int32_t>::max();
  return sums;
}

template <class Code>
std::vector<Code> fixed_point(const Sums& sums, double multiplier, CodeRange range) {
  const std::vector multipliers = {fixed_point_multiplier(multiplier)};
  std::vector<Code> codes(sums.size());
  kernels::requantize_fixed_point<Code>(sums, multipliers, {}, 1, range, codes);
  return codes;
}

template <class Code>
std::vector<Code> by_float(const Sums& sums, float multiplier, CodeRange range) {
  std::vector<Code> codes(sums.size());
  kernels::requantize<Code>(sums, std::vector{multiplier}, {}, 1, range, codes);
  return codes;
}

}  // namespace

TEST_CASE("gemmlowp's two roundings have the ties they are known for", "[integer]") {
  CHECK(doubling_high_product(1, 1 << 30) == 1);
  CHECK(doubling_high_product(-1, 1 << 30) == 0);
  CHECK(doubling_high_product(3, 1 << 30) == 2);
  CHECK(doubling_high_product(-3, 1 << 30) == -1);
  constexpr auto kLowest = std::numeric_limits<std::int32_t>::min();
  CHECK(doubling_high_product(kLowest, kLowest) ==
        std::numeric_limits<std::int32_t>::max());
  const int halves[][2] = {{1, 1}, {-1, -1}, {3, 2}, {-3, -2}, {5, 3}, {-5, -3}};
  for (const auto& [x, expected] : halves) CHECK(rounding_shift(x, 1) == expected);
  const int quarters[][2] = {{2, 1}, {-2, -1}, {6, 2}, {-6, -2}, {1, 0}, {-1, 0}};
  for (const auto& [x, expected] : quarters) CHECK(rounding_shift(x, 2) == expected);
  CHECK(rounding_shift(-7, 0) == -7);
}

TEST_CASE("fixed-point multipliers of worked examples", "[integer]") {
  const auto layer = fixed_point_multiplier(0.5 / 127 * 0.02 / 0.05);
  CHECK(layer.mantissa == 1731514374);
  CHECK(layer.shift == 9);
  const auto neuron = fixed_point_multiplier(0.443 / 127 * (3.0 / 255) / (1.5 / 255));
  CHECK(neuron.mantissa == 1917652170);
  CHECK(neuron.shift == 7);
  CHECK(fixed_point_multiplier(1).shift == -1);
  // Rounds up to 2^31, which is 2^30 one place on.
  CHECK(fixed_point_multiplier(1 - 0x1p-40).mantissa == 1 << 30);
  CHECK(fixed_point_multiplier(1 - 0x1p-40).shift == -1);
  CHECK(fixed_point_multiplier(0x1p-32).mantissa == 1 << 30);
  CHECK(fixed_point_multiplier(0x1p-33).mantissa == 0);
  CHECK(fixed_point_multiplier(0).mantissa == 0);
}

TEST_CASE("requantization on integers by worked examples", "[integer]") {
  const double m = 0.5 / 127 * 0.02 / 0.05;
  CHECK(fixed_point<std::int16_t>({1000, -1000, 12345, -12345, 100000, -100000, 317}, m,
                                  {0, -32768, 32767}) ==
        std::vector<std::int16_t>{2, -2, 19, -19, 157, -157, 1});
  CHECK(fixed_point<std::int8_t>({4044}, 0.443 / 127 * 2, {-43, -128, 127})[0] == -15);
  // Rounded once, 317 * m = 0.4992 is 0.
  CHECK(by_float<std::int8_t>({317}, float(m), kInt8)[0] == 0);
  // Multipliers of 1 and more; the shift saturates.
  CHECK(fixed_point<std::int8_t>({5, -5}, 3, kInt8) == std::vector<std::int8_t>{15, -15});
  CHECK(fixed_point<std::int8_t>({1 << 30, -(1 << 30)}, 1024, kInt8) ==
        std::vector<std::int8_t>{127, -128});
}

TEST_CASE("requantization in float rounds ties to even, then adds the zero point",
          "[integer]") {
  const Sums sums = {1, 3, 5, -1, -3, -5, 1000, -1000};
  CHECK(by_float<std::uint8_t>(sums, 0.5f, {3, 0, 255}) ==
        std::vector<std::uint8_t>{3, 5, 5, 3, 1, 1, 255, 0});
  // A ReLU is the zero point as the lowest code.
  CHECK(by_float<std::uint8_t>(sums, 0.5f, {3, 3, 200}) ==
        std::vector<std::uint8_t>{3, 5, 5, 3, 3, 3, 200, 3});
  // 2^24 + 1 is 2^24 as a float, so the product is a tie; in real numbers it is above
  // one.
  CHECK(by_float<std::int8_t>({(1 << 24) + 1}, 0x1p-25f, kInt8)[0] == 0);
}

TEST_CASE("values are quantized by division", "[integer]") {
  const std::vector<float> x = {0.5f, 1.5f,         -0.5f,         -2.5f,        300.0f,
                                -9.f, kSumInfinity, -kSumInfinity, std::nanf("")};
  std::vector<std::uint8_t> codes(x.size());
  kernels::quantize_values<std::uint8_t>(x, 1, {5, 1, 250}, codes);
  CHECK(codes == std::vector<std::uint8_t>{5, 7, 5, 3, 250, 1, 250, 1, 1});
  // 1.55 / 0.1 is 15.499999 in float, but 1.55 * (1 / 0.1) is 15.5 and would give 16;
  // with 3.15 / 0.7 it is the quotient that is a tie, 4.5.
  std::vector<std::int8_t> code(1);
  kernels::quantize_values<std::int8_t>(std::vector{1.55f}, 0.1f, kInt8, code);
  CHECK(code[0] == 15);
  kernels::quantize_values<std::int8_t>(std::vector{3.15f}, 0.7f, kInt8, code);
  CHECK(code[0] == 4);
}

TEMPLATE_TEST_CASE("requantization is its plain twin", "[integer][agreement]",
                   std::uint8_t, std::int8_t, std::int16_t) {
  using Code = TestType;
  using Limits = std::numeric_limits<Code>;
  const int channels = GENERATE(1, 3, 7, 8, 9, 17, 33, 64);
  const auto parameters = std::size_t(GENERATE_COPY(1, channels));
  CAPTURE(channels, parameters);
  const Sums sums = random_sums(std::size_t(channels) * 37);
  const CodeRange ranges[] = {{3, Limits::min(), Limits::max()}, {0, 0, 100}};
  std::vector<float> multipliers(parameters);
  std::vector<FixedPointMultiplier> fixed(parameters);
  for (std::size_t i = 0; i < parameters; ++i) {
    const double m = std::exp2(1.0 - double(i % 34)) * (1 + 0.01 * double(i));
    multipliers[i] = float(m);
    fixed[i] = fixed_point_multiplier(m);
  }
  const Sums biases = random_sums(std::size_t(channels));
  for (const Sums& bias : {Sums{}, Sums{-77}, biases}) {
    for (const CodeRange range : ranges) {
      std::vector<Code> fast(sums.size()), plain(sums.size());
      kernels::requantize<Code>(sums, multipliers, bias, channels, range, fast);
      reference::requantize<Code>(sums, multipliers, bias, channels, range, plain);
      CHECK(fast == plain);
      kernels::requantize_fixed_point<Code>(sums, fixed, bias, channels, range, fast);
      reference::requantize_fixed_point<Code>(sums, fixed, bias, channels, range, plain);
      CHECK(fast == plain);
    }
  }
  std::vector<float> x(sums.begin(), sums.end());
  for (const float scale : {0.1f, 3.0f, 1e6f}) {
    std::vector<Code> fast(x.size()), plain(x.size());
    kernels::quantize_values<Code>(x, scale, ranges[0], fast);
    reference::quantize_values<Code>(x, scale, ranges[0], plain);
    CHECK(fast == plain);
  }
}

}  // namespace bitsweep
