// Thresholds, pooling and look-up on codes: by hand and against the plain twins.

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <catch2/catch.hpp>

#include "framework/core/random.h"
#include "framework/engine/integer/pooling.h"
#include "framework/engine/integer/thresholds.h"
#include "framework/engine/reference/integer.h"
#include "tests/engine/integer_cases.h"

namespace bitsweep {
namespace {

using Codes = std::vector<std::uint8_t>;
constexpr float kCodeInfinity = std::numeric_limits<float>::infinity();

template <class T>
Codes encoded(const ThresholdTable<T>& table, const std::vector<T>& x) {
  Codes codes(x.size(), 99);
  ThresholdCodes<T>(table).encode(x, codes);
  return codes;
}

// Few different numbers, so that many equal a threshold; and the extremes.
template <class T>
std::vector<T> coarse_values(std::size_t count, const char* purpose) {
  std::vector<T> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = T(random_byte(i, purpose)) - T(100);
  return values;
}

template <class Code>
std::vector<Code> random_codes(std::size_t count) {
  std::vector<Code> codes(count);
  for (std::size_t i = 0; i < count; ++i) codes[i] = Code(random_byte(i, "codes"));
  return codes;
}

}  // namespace

TEST_CASE("codes count the thresholds that are reached", "[integer]") {
  const std::vector<float> t = {1, -1, 0.5f};
  const std::vector<float> x = {-2, -1, 0, 0.5f, 0.75f, 1, kCodeInfinity, std::nanf("")};
  CHECK(encoded<float>({.thresholds = t}, x) == Codes{0, 1, 1, 2, 2, 3, 3, 0});
  const std::vector<std::uint8_t> down = {1};
  CHECK(encoded<float>({.thresholds = t, .descending = down}, x) ==
        Codes{3, 3, 2, 2, 1, 1, 0, 0});
  CHECK(encoded<float>({.thresholds = t, .of_magnitude = true}, x) ==
        Codes{3, 3, 1, 2, 2, 3, 3, 0});
  // -0 reaches 0.
  const std::vector<float> zero = {0};
  CHECK(encoded<float>({.thresholds = zero}, {-0.0f, 0.0f}) == Codes{1, 1});
  CHECK(encoded<float>({.thresholds = zero, .descending = down}, {-0.0f, 0.0f}) ==
        Codes{1, 1});
}

TEST_CASE("thresholds are those of the batch normalisation they stand for", "[integer]") {
  // y = a s + b, code = clamp(round half up of y, 0, 3): reached at y = 0.5, 1.5, 2.5.
  // With a = 1/4 and b = 1 that is s >= -2, 2, 6; with a = -1/4, s <= 2, -2, -6.
  const std::vector<std::int32_t> t = {-2, 2, 6, 2, -2, -6};
  const std::vector<std::uint8_t> down = {0, 1};
  const ThresholdTable<std::int32_t> table{2, t, down};
  for (std::int32_t s = -12; s <= 12; ++s) {
    const auto code = [s](double a) {
      return std::uint8_t(std::clamp(std::floor(a * s + 1 + 0.5), 0.0, 3.0));
    };
    CHECK(encoded<std::int32_t>(table, {s, s}) == Codes{code(0.25), code(-0.25)});
  }
}

TEMPLATE_TEST_CASE("threshold codes are the plain ones", "[integer][agreement]", float,
                   std::int32_t) {
  using T = TestType;
  const int count = GENERATE(0, 1, 2, 3, 7, 15, 63, 64, 100, 255);
  const int channels = GENERATE(1, 3, 17, 64, 130);
  CAPTURE(count, channels);
  auto x = coarse_values<T>(std::size_t(channels) * 11, "x");
  x[0] = std::numeric_limits<T>::lowest();
  x.back() = std::numeric_limits<T>::max();
  auto t = coarse_values<T>(std::size_t(channels * count), "thresholds");
  if (count > 0) t[0] = std::numeric_limits<T>::max();
  std::vector<std::uint8_t> down(std::size_t(channels), 0);
  for (std::size_t c = 0; c < down.size(); c += 2) down[c] = 1;
  for (const bool of_magnitude : {false, true}) {
    for (const auto& descending : {std::vector<std::uint8_t>{}, down}) {
      const ThresholdTable<T> table{channels, t, descending, of_magnitude};
      Codes plain(x.size());
      reference::threshold_codes<T>(table, x, plain);
      CHECK(encoded<T>(table, x) == plain);
    }
  }
}

TEMPLATE_TEST_CASE("pooling of codes is the plain one", "[integer][agreement]",
                   std::uint8_t, std::int8_t) {
  using Code = TestType;
  const int channels = GENERATE(1, 3, 16, 17, 33);
  struct Window {
    Sides kernel, stride;
    Border pad;
  };
  const auto window = GENERATE(
      Window{2, 2, 0}, Window{3, 2, 0}, Window{3, 2, 1}, Window{3, 1, 1}, Window{5, 3, 2},
      Window{{2, 1}, {2, 1}, 0}, Window{{1, 3}, {2, 1}, {0, 2, 0, 1}});
  const bool ceil = GENERATE(false, true);
  const ImageShape shape{7, 6, channels};
  const auto g = pool_geometry(shape, window.kernel, window.stride, window.pad, ceil);
  const auto x = random_codes<Code>(2 * shape.elements());
  const std::size_t n = 2 * g.output.elements();
  std::vector<Code> fast(n), plain(n);
  kernels::max_pool_codes<Code>(g, 2, x, fast);
  reference::max_pool_codes<Code>(g, 2, x, plain);
  CHECK(fast == plain);
  std::vector<std::int32_t> sums(n), plain_sums(n);
  kernels::sum_pool_codes<Code>(g, 2, x, 3, sums);
  reference::sum_pool_codes<Code>(g, 2, x, 3, plain_sums);
  CHECK(sums == plain_sums);

  // The float kernels, where small integers are exact.
  std::vector<float> values(x.begin(), x.end()), averages(n), maxima(n);
  std::vector<std::uint8_t> argmax(n);
  kernels::max_pool_forward(g, 2, values, maxima, argmax);
  CHECK(std::vector<float>(fast.begin(), fast.end()) == maxima);
  for (float& value : values) value -= 3;
  kernels::average_pool_forward(g, 2, values, averages);
  const auto areas = window_areas(g);
  for (std::size_t i = 0; i < n; ++i) {
    const int area = areas[i / std::size_t(channels) % g.output.pixels()];
    CHECK(averages[i] == Approx(float(sums[i]) / float(area)).epsilon(1e-6));
  }

  std::vector<std::int32_t> global(2 * std::size_t(channels)),
      plain_global(global.size());
  kernels::global_sum_codes<Code>(shape, 2, x, -5, global);
  reference::global_sum_codes<Code>(shape, 2, x, -5, plain_global);
  CHECK(global == plain_global);
}

TEST_CASE("a ReLU on codes keeps what is above the zero point", "[integer]") {
  const std::vector<std::int8_t> x = {-128, -4, -3, -2, 0, 127};
  std::vector<std::int8_t> y = x, plain(x.size());
  kernels::relu_codes<std::int8_t>(y, -3, y);
  CHECK(y == std::vector<std::int8_t>{-3, -3, -3, -2, 0, 127});
  reference::relu_codes<std::int8_t>(x, -3, plain);
  CHECK(y == plain);
}

TEST_CASE("codes are looked up in a table of levels", "[integer]") {
  const std::vector<float> levels = {-1.5f, 0, 0.25f};
  const Codes x = {2, 0, 1, 2, 3};
  std::vector<float> y(5), plain(5);
  kernels::look_up(x, levels, y);
  reference::look_up(x, levels, plain);
  CHECK(std::vector<float>(y.begin(), y.begin() + 4) ==
        std::vector<float>{0.25f, -1.5f, 0, 0.25f});
  CHECK(std::isnan(y[4]));
  CHECK(std::isnan(plain[4]));
  CHECK(std::equal(y.begin(), y.begin() + 4, plain.begin()));
}

}  // namespace bitsweep
