#include "framework/quant/reduce.h"

#include <cmath>
#include <limits>
#include <vector>

#include <catch2/catch.hpp>

#include "framework/core/random.h"

using namespace bitsweep;
using Catch::Matchers::WithinRel;

TEST_CASE("sums and extremes agree with plain loops at all sizes", "[reduce]") {
  const RandomStream stream(7, "values");
  for (const std::size_t size : {1u, 2u, 15u, 16u, 17u, 257u, 16384u, 40001u}) {
    CAPTURE(size);
    std::vector<float> x(size);
    double total = 0, sizes = 0;
    float low = std::numeric_limits<float>::infinity(), high = -low, largest = 0;
    for (std::size_t i = 0; i < size; ++i) {
      x[i] = float(stream.normal_at(std::uint32_t(i)));
      total += x[i];
      sizes += std::fabs(x[i]);
      low = std::min(low, x[i]);
      high = std::max(high, x[i]);
      largest = std::max(largest, std::fabs(x[i]));
    }
    CHECK_THAT(sum(x), WithinRel(total, 1e-11));  // order of a double sum
    CHECK_THAT(sum_abs(x), WithinRel(sizes, 1e-12));
    CHECK(max_abs(x) == largest);
    CHECK(extremes(x).low == low);
    CHECK(extremes(x).high == high);
  }
}

TEST_CASE("sums and extremes have the same bits with one thread and two", "[reduce]") {
  const RandomStream stream(7, "values");
  std::vector<float> x(100003);
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = float(stream.normal_at(std::uint32_t(i)));
  }
  set_threads(1);
  const double one = sum(x);
  const float largest = max_abs(x);
  set_threads(2);
  CHECK(sum(x) == one);
  CHECK(max_abs(x) == largest);
}

TEST_CASE("extremes pass over NaN and are empty for nothing", "[reduce]") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> x = {nan, 3, nan, -4, nan};
  CHECK(max_abs(x) == 4);
  CHECK(extremes(x).low == -4);
  CHECK(extremes(x).high == 3);
  CHECK(max_abs({}) == 0);
  CHECK(sum({}) == 0);
  CHECK(extremes({}).low > extremes({}).high);
}
