#include "framework/quant/range.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <catch2/catch.hpp>

#include "framework/core/random.h"

using namespace bitsweep;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

namespace {

Range estimated_range(std::string_view name,
                      const std::vector<std::vector<float>>& batches,
                      RangeOptions options = {}) {
  const auto estimator = make_range_estimator(name, options);
  for (const auto& batch : batches) estimator->collect(batch);
  return estimator->range();
}

std::vector<float> normal_numbers(std::size_t size) {
  const RandomStream stream(3, "range");
  std::vector<float> x(size);
  for (std::size_t i = 0; i < size; ++i) x[i] = float(stream.normal_at(std::uint32_t(i)));
  return x;
}

}  // namespace

TEST_CASE("max_abs and min_max take the ends of all batches", "[range]") {
  CHECK(estimated_range("max_abs", {{1, -3}, {2}}) == Range{-3, 3});
  CHECK(estimated_range("min_max", {{1, 2}, {-0.5f, 4}}) == Range{-0.5f, 4});
  CHECK(estimated_range("min_max", {{1, 2}}) == Range{1, 2});
}

TEST_CASE("the moving average weighs the ends of each batch", "[range]") {
  // 0.75 (0.75 * 4 + 0.25 * 8) + 0.25 * 0 = 3.75
  CHECK(estimated_range("moving_average", {{-1, 4}, {-1, 8}, {-1, 0}},
                        {.momentum = 0.75}) == Range{-1, 3.75f});
}

TEST_CASE("an estimator that saw nothing has no range", "[range]") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const auto& name : range_names()) {
    CAPTURE(name);
    CHECK(estimated_range(name, {}) == Range{0, 0});
    CHECK(estimated_range(name, {{nan, nan}}) == Range{0, 0});
    CHECK(estimated_range(name, {{0, 0, 0}}) == Range{0, 0});
  }
}

TEST_CASE("huge, tiny and infinite values give finite ranges", "[range]") {
  const float infinity = std::numeric_limits<float>::infinity();
  for (const auto& name : range_names()) {
    CAPTURE(name);
    CHECK(std::isfinite(estimated_range(name, {{infinity, -infinity, 1}}).high));
    CHECK(estimated_range(name, {{1e-45f, -1e-45f}}).high > 0);
    CHECK(estimated_range(name, {{1e-45f}, {3e38f}}).high > 0);
  }
}

TEST_CASE("a percentile leaves out its share of the largest values", "[range]") {
  const auto x = normal_numbers(20000);
  std::vector<float> sizes = x;
  for (auto& v : sizes) v = std::fabs(v);
  std::sort(sizes.begin(), sizes.end());
  const double exact = sizes[std::size_t(0.99 * 20000) - 1];
  const double width = sizes.back() / 4096;  // of a bin, at most
  CHECK_THAT(estimated_range("percentile", {x}, {.percentile = 99}).high,
             WithinAbs(exact, width));
  CHECK(estimated_range("percentile", {x}, {.percentile = 100}).high == sizes.back());
}

TEST_CASE("percentile and mse do not depend on how the data came", "[range]") {
  auto x = normal_numbers(6000);
  x[5999] = 40;  // widens the bins late
  const std::vector<float> first(x.begin(), x.begin() + 1000);
  const std::vector<float> rest(x.begin() + 1000, x.end());
  for (const auto* name : {"percentile", "mse"}) {
    CHECK(estimated_range(name, {x}) == estimated_range(name, {first, rest}));
    CHECK(estimated_range(name, {x}) == estimated_range(name, {rest, first}));
  }
}

TEST_CASE("mse serves grids of unequal steps", "[range]") {
  // Four times the levels 1/4, 1/2 and 1: nothing is lost at 4. A 0 among the levels
  // would take nothing away here.
  const std::vector<float> x = {1, -2, 4, 1, 4, -1};
  for (const std::vector<float>& levels :
       {std::vector<float>{0.25f, 0.5f, 1}, {0, 0.25f, 0.5f, 1}}) {
    CHECK_THAT(estimated_range("mse", {x}, {.levels = levels}).high,
               WithinRel(4.0, 1e-6));
  }
}

TEST_CASE("mse finds the clip that errs least", "[range]") {
  // Thirteen values, symmetric levels: of hundredths of the maximum 2.4, 96 for 7 steps.
  const std::vector<float> x = {0.1f,  -0.2f, 0.35f,  0.5f,  -0.7f,  0.9f, 1,
                                -1.1f, 0.6f,  -0.45f, 0.25f, -0.85f, 2.4f};
  CHECK_THAT(estimated_range("mse", {x}, {.steps = 7}).high, WithinRel(2.304, 1e-6));
  CHECK_THAT(estimated_range("mse", {x}, {.steps = 3}).high, WithinRel(2.352, 1e-6));
}
