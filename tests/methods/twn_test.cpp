#include <cmath>

#include <catch2/catch.hpp>

#include "tests/methods/quantizers.h"

using namespace bitsweep;
using namespace bitsweep::testing;
using Catch::Matchers::WithinAbs;

namespace {

// E|W| = 0.53, so that delta = 0.371 and alpha = (0.9 + 0.4 + 1.3 + 0.6 + 0.7) / 5 =
// 0.78.
const Values kTwnW = {0.9f, -0.4f, 0.05f, -1.3f, 0.6f, -0.02f, 0.27f, -0.7f};
const Values kTwnG = {0.1f, -0.2f, 0.3f, 0.4f, -0.5f, 0.6f, -0.7f, 0.8f};

double residual(const Values& w, const Values& q) {
  double squares = 0;
  for (std::size_t i = 0; i < w.size(); ++i) squares += std::pow(double(w[i]) - q[i], 2);
  return squares;
}

}  // namespace

TEST_CASE("twn: the threshold is 0.7 E|W|, the scale the mean beyond it", "[twn]") {
  const auto q = calibrated("twn", {}, weight_site({1, 8}), kTwnW);
  const auto y = quantized(*q, kTwnW);
  CHECK(near(y, {0.78, -0.78, 0, -0.78, 0.78, 0, 0, -0.78}, 1e-7));
  CHECK(encoded(*q, kTwnW) == Codes{2, 0, 1, 0, 2, 1, 1, 0});
  CHECK_THAT(residual(kTwnW, y), WithinAbs(0.5438, 1e-6));
  CHECK(q->grid().levels()->levels == Values{-1, 0, 1});
}

TEST_CASE("twn: the factor 0.75 chooses the same signs here", "[twn]") {
  const auto q =
      calibrated("twn", params({{"delta_factor", "0.75"}}), weight_site({1, 8}), kTwnW);
  CHECK(encoded(*q, kTwnW) == Codes{2, 0, 1, 0, 2, 1, 1, 0});
}

TEST_CASE("twn: the exact threshold drops -0.4 as well", "[twn]") {
  // The four largest score 3.5^2 / 4 = 3.0625, five 3.9^2 / 5 = 3.042.
  const auto q =
      calibrated("twn", params({{"delta", "exact"}}), weight_site({1, 8}), kTwnW);
  const auto y = quantized(*q, kTwnW);
  CHECK(near(y, {0.875, 0, 0, -0.875, 0.875, 0, 0, -0.875}, 1e-7));
  CHECK_THAT(residual(kTwnW, y), WithinAbs(0.5233, 5e-5));
}

TEST_CASE("twn: no other threshold beats the exact one", "[twn]") {
  const auto w = normal_values(60, 5);
  const auto q = calibrated("twn", params({{"delta", "exact"}}), weight_site({1, 60}), w);
  const double best = residual(w, quantized(*q, w));
  for (const float size : w) {
    const double delta = std::fabs(size);
    double sum = 0;
    int count = 0;
    for (const float v : w) {
      if (std::fabs(v) >= delta) sum += std::fabs(v), ++count;
    }
    double squares = 0;
    for (const float v : w) {
      const double kept = std::fabs(v) >= delta ? std::copysign(sum / count, v) : 0;
      squares += (v - kept) * (v - kept);
    }
    CHECK(best <= squares + 1e-6);
  }
}

TEST_CASE("twn: equal magnitudes are kept or dropped together", "[twn]") {
  const Values w = {1, -1, 1, 0.1f, 0};
  const auto q = calibrated("twn", params({{"delta", "exact"}}), weight_site({1, 5}), w);
  CHECK(quantized(*q, w) == Values{1, -1, 1, 0, 0});
}

TEST_CASE("twn: filters have their own thresholds and scales", "[twn]") {
  Values w = kTwnW;
  for (const float v : kTwnW) w.push_back(10 * v);
  const auto site = weight_site({2, 8});
  const auto filters = calibrated("twn", params({{"group", "filter"}}), site, w);
  CHECK(filters->grid().scale_count() == 2);
  CHECK(near(
      quantized(*filters, w),
      {0.78, -0.78, 0, -0.78, 0.78, 0, 0, -0.78, 7.8, -7.8, 0, -7.8, 7.8, 0, 0, -7.8},
      1e-6));
  const auto layer = calibrated("twn", {}, site, w);
  CHECK(layer->grid().scale_count() == 1);
  CHECK(quantized(*layer, w)[0] == 0);  // small beside the other filter
}

TEST_CASE("twn: the gradient passes straight through, or where |W| <= 1", "[twn]") {
  const auto identity = calibrated("twn", {}, weight_site({1, 8}), kTwnW);
  CHECK(gradient(*identity, kTwnW, kTwnG) == kTwnG);
  const auto clip1 =
      calibrated("twn", params({{"ste", "clip1"}}), weight_site({1, 8}), kTwnW);
  Values masked = kTwnG;
  masked[3] = 0;  // |-1.3| > 1
  CHECK(gradient(*clip1, kTwnW, kTwnG) == masked);
}

TEST_CASE("twn: only weights are quantized", "[twn]") {
  CHECK(quantizer_for("twn", {}, value_site(Role::kInput, 8)) == nullptr);
  CHECK(quantizer_for("twn", {}, value_site(Role::kBias, 8)) == nullptr);
  CHECK(quantizer_for("twn", params({{"weight_bits", "32"}}), weight_site({1, 8})) ==
        nullptr);
}
