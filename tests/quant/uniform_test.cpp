#include "framework/quant/uniform.h"

#include <cmath>
#include <limits>

#include <catch2/catch.hpp>

#include "framework/core/parallel.h"

using namespace bitsweep;
using Catch::Matchers::WithinAbs;

namespace {

constexpr float kNoNumber = std::numeric_limits<float>::quiet_NaN();

std::vector<std::int32_t> codes_of(const std::vector<float>& x,
                                   const UniformQuantization& format,
                                   Rounding rounding = Rounding::kHalfEven) {
  std::vector<std::int32_t> codes(x.size());
  encode_uniform(x, codes, format, rounding);
  return codes;
}

}  // namespace

TEST_CASE("static Q4.4 gives the codes worked out by hand", "[uniform]") {
  // 0.34375 * 16 = 5.5 is a tie that both rules take to 6.
  const UniformQuantization q4_4{.scale = 1.0f / 16, .low = -128, .high = 127};
  const std::vector<float> x = {0.03f,  -0.27f,   0.50f, -0.74f, 1.06f,
                                -1.31f, 0.34375f, 7.99f, -9.2f,  0};
  const std::vector<std::int32_t> codes = {0, -4, 8, -12, 17, -21, 6, 127, -128, 0};
  CHECK(codes_of(x, q4_4) == codes);
  CHECK(codes_of(x, q4_4, Rounding::kHalfAway) == codes);

  std::vector<float> y(x.size());
  kernels::fake_quantize(x, q4_4, Rounding::kHalfEven, y);
  CHECK(y == std::vector<float>{0, -0.25f, 0.5f, -0.75f, 1.0625f, -1.3125f, 0.375f,
                                7.9375f, -8, 0});
}

TEST_CASE("NaN stays NaN in values and takes the code of zero", "[uniform]") {
  const UniformQuantization format{.scale = 0.5f, .zero_point = 5, .low = 0, .high = 15};
  std::vector<float> x = {kNoNumber};
  CHECK(codes_of(x, format) == std::vector<std::int32_t>{5});
  kernels::fake_quantize(x, format, Rounding::kHalfEven, x);
  CHECK(std::isnan(x[0]));
}

TEST_CASE("rounding rules part at ties alone", "[uniform]") {
  // x = -0.5 on scale 0.2: -2.5 steps.
  const UniformQuantization format{.scale = 0.2f, .low = -8, .high = 7};
  const auto code = [&](Rounding rounding) {
    return codes_of({-0.5f}, format, rounding).front();
  };
  CHECK(code(Rounding::kHalfEven) == -2);
  CHECK(code(Rounding::kHalfAway) == -3);
  CHECK(code(Rounding::kHalfUp) == -2);
  CHECK(code(Rounding::kFloor) == -3);
}

TEST_CASE("what rounds to zero from below is +0", "[uniform]") {
  std::vector<float> x = {-0.1f, -0.0f};
  kernels::fake_quantize(x, {.scale = 1, .low = -8, .high = 7}, Rounding::kHalfEven, x);
  CHECK_FALSE(std::signbit(x[0]));
  CHECK_FALSE(std::signbit(x[1]));
}

TEST_CASE("a symmetric grid reaches the larger end", "[uniform]") {
  const auto grid = symmetric_grid({-3, 2}, 3);
  CHECK(grid.low == -3);
  CHECK(grid.high == 3);
  CHECK(grid.scale == std::vector<float>{1});
}

TEST_CASE("an affine grid has a code for zero", "[uniform]") {
  const auto grid = affine_grid({-1, 3}, 2);
  CHECK(grid.high == 3);
  CHECK(grid.scale.front() == Approx(4.0 / 3).epsilon(1e-7));
  CHECK(grid.zero_point == std::vector<float>{1});  // 0.75 of a step above the low end
  CHECK(affine_grid({1, 3}, 2).zero_point == std::vector<float>{0});
  CHECK(affine_grid({1, 3}, 2).scale == std::vector<float>{1});
  CHECK(affine_grid({-3, -1}, 2).zero_point == std::vector<float>{3});
}

TEST_CASE("grids of empty, tiny and huge ranges have usable scales", "[uniform]") {
  for (const float end : {0.0f, 1e-45f, 3.4e38f}) {
    CAPTURE(end);
    for (const auto& grid :
         {symmetric_grid({-end, end}, 8), affine_grid({-end, end}, 8)}) {
      CHECK(grid.scale.front() > 0);
      CHECK(std::isfinite(Grid(grid).value(grid.low, 0)));
      CHECK(std::isfinite(Grid(grid).value(grid.high, 0)));
    }
  }
}

TEST_CASE("stochastic rounding is right in the mean and repeats by step", "[uniform]") {
  Site site;
  site.name = "fc/weight";
  site.elements = 40000;
  UniformQuantizer quantizer(
      site, {.grid = [](const Range&) { return UniformGrid{.low = -8, .high = 7}; },
             .training_rounding = Rounding::kStochastic});
  const std::vector<float> x(40000, 2.3f);
  const auto drawn = [&](std::int64_t step) {
    std::vector<float> y(x.size());
    quantizer.forward(x, y, {.training = true, .step = step});
    return y;
  };
  const auto y = drawn(1);
  double total = 0;
  for (const float v : y) {
    REQUIRE((v == 2 || v == 3));
    total += v;
  }
  // Five standard deviations of the mean of 40000 draws of variance 0.21.
  CHECK_THAT(total / 40000, WithinAbs(2.3, 5 * std::sqrt(0.21 / 40000)));
  CHECK(drawn(1) == y);
  CHECK(drawn(2) != y);
  set_threads(1);
  CHECK(drawn(1) == y);
  set_threads(2);

  std::vector<float> half(20000);
  quantizer.forward({x.data(), 20000}, half,
                    {.training = true, .step = 1, .offset = 20000});
  CHECK(std::equal(half.begin(), half.end(), y.begin() + 20000));

  std::vector<float> nearest(x.size());
  quantizer.forward(x, nearest, {});
  CHECK(nearest == std::vector<float>(40000, 2));
}
