#include "framework/quant/straight_through.h"

#include <cmath>
#include <vector>

#include <catch2/catch.hpp>

using namespace bitsweep;
using Catch::Matchers::WithinAbs;

namespace {

const std::vector<float> kX = {-1.5f, -0.6f, 0.1f, 0.55f, 0.9f, 1.2f, 1.7f, 3.0f};

std::vector<float> slopes(StraightThrough rule, Ends ends = {}) {
  const std::vector<float> g(kX.size(), 2);
  std::vector<float> dx(kX.size());
  straight_through(rule, kX, g, dx, ends);
  return dx;
}

}  // namespace

TEST_CASE("straight-through masks pass the gradient inside their bounds", "[ste]") {
  using List = std::vector<float>;
  CHECK(slopes(StraightThrough::kIdentity) == List(8, 2));
  CHECK(slopes(StraightThrough::kClip1) == List{0, 2, 2, 2, 2, 0, 0, 0});
  CHECK(slopes(StraightThrough::kClip01) == List{0, 0, 2, 2, 2, 0, 0, 0});
  CHECK(slopes(StraightThrough::kClip0A, {0, 1.5f}) == List{0, 0, 2, 2, 2, 2, 0, 0});
  CHECK(slopes(StraightThrough::kRange, {-1, 2}) == List{0, 2, 2, 2, 2, 2, 2, 0});
}

TEST_CASE("the bounds themselves pass in clip1 and clip01", "[ste]") {
  const std::vector<float> x = {-1, 0, 1};
  const std::vector<float> g(3, 1);
  std::vector<float> dx(3);
  straight_through(StraightThrough::kClip1, x, g, dx);
  CHECK(dx == std::vector<float>{1, 1, 1});
  straight_through(StraightThrough::kClip01, x, g, dx);
  CHECK(dx == std::vector<float>{0, 1, 1});
}

TEST_CASE("the polynomial rule is the derivative of Bi-Real's parabola", "[ste]") {
  // x (2 + x) below 0, x (2 - x) above, constant beyond 1.
  const auto dx = slopes(StraightThrough::kPolynomial);
  for (std::size_t i = 0; i < kX.size(); ++i) {
    const double size = std::fabs(kX[i]);
    CHECK_THAT(dx[i], WithinAbs(size <= 1 ? 2 * (2 - 2 * size) : 0, 1e-6));
  }
}

TEST_CASE("the swish rule is the derivative of BNN+'s sign", "[ste]") {
  // 2 s(bx) (1 + bx (1 - s(bx))) - 1 with the logistic s, by central differences.
  const auto sign = [](double x) {
    const double s = 1 / (1 + std::exp(-5 * x));
    return 2 * s * (1 + 5 * x * (1 - s)) - 1;
  };
  const auto dx = slopes(StraightThrough::kSwish);
  for (std::size_t i = 0; i < kX.size(); ++i) {
    const double slope = (sign(kX[i] + 1e-5) - sign(kX[i] - 1e-5)) / 2e-5;
    CHECK_THAT(dx[i], WithinAbs(2 * slope, 1e-5));  // second-order differences
  }
}

TEST_CASE("a gradient may be overwritten by its result", "[ste]") {
  std::vector<float> g(kX.size(), 2);
  straight_through(StraightThrough::kClip1, kX, g, g);
  CHECK(g == slopes(StraightThrough::kClip1));
}
