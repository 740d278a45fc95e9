#include <cmath>

#include <catch2/catch.hpp>

#include "tests/methods/quantizers.h"

using namespace bitsweep;
using namespace bitsweep::testing;

namespace {

// max|W| = 0.443: FSR = -1; the worked numbers have FSR = 0.
const Values kLognetW = {0.31f, -0.05f, 0.127f, -0.443f, 0, 0.2f, -0.0078f, 0.36f};

Values lognet_weights(const char* bits, const char* base) {
  const auto raw =
      params({{"weight_bits", bits}, {"weight_base", base}, {"range_shift", "1"}});
  return quantized(*calibrated("lognet", raw, weight_site({1, 8}), kLognetW), kLognetW);
}

}  // namespace

TEST_CASE("lognet: activations, worked by hand", "[lognet]") {
  const Values x = {0, 0.02f, 0.11f, 0.34f, 0.70f, 0.72f, 1.0f, 1.5f, 2.9f, 5.7f, 30};
  const auto at = [&](const char* bits) {  // FSR = 3: two below that of 30
    const auto raw = params({{"activation_bits", bits}, {"range_shift", "-2"}});
    const auto q =
        calibrated("lognet", raw, value_site(Role::kInput, x.size(), false), x);
    return quantized(*q, x);
  };
  CHECK(at("4") == Values{0, 0.015625f, 0.125f, 0.25f, 0.5f, 1, 1, 2, 4, 4, 4});
  CHECK(at("3") == Values{0, 0, 0.125f, 0.25f, 0.5f, 1, 1, 2, 4, 4, 4});
}

TEST_CASE("lognet: weights to base 2, worked by hand", "[lognet]") {
  const Values expected = {0.25f, -0.0625f, 0.125f, -0.5f, 0, 0.25f, -0.0078125f, 0.5f};
  CHECK(lognet_weights("5", "2") == expected);
  CHECK(lognet_weights("4", "2") == expected);
}

TEST_CASE("lognet: weights to base root 2, worked by hand", "[lognet]") {
  CHECK(near(lognet_weights("5", "sqrt2"),
             {0.35355339, -0.04419417, 0.125, -0.5, 0, 0.1767767, -0.0078125, 0.35355339},
             1e-8));
  CHECK(near(lognet_weights("4", "sqrt2"),
             {0.35355339, 0, 0.125, -0.5, 0, 0.1767767, 0, 0.35355339}, 1e-8));
}

TEST_CASE("lognet: convolutions have the finer base", "[lognet]") {
  const Values w = {0.3f, 0.4f};
  const auto of = [&](bool convolution) {
    Site site = weight_site({1, 2});
    site.is_convolution = convolution;
    return quantized(*calibrated("lognet", {}, site, w), w);
  };
  CHECK(of(true)[0] == Approx(std::sqrt(0.125)));
  CHECK(of(false)[0] == 0.25f);
}

TEST_CASE("lognet: exponents round at the root of their factor", "[lognet]") {
  // Brute force: the nearest of all levels by the logarithm.
  for (const char* base : {"2", "sqrt2"}) {
    const auto raw = params({{"weight_base", base}, {"weight_bits", "6"}});
    const auto w = normal_values(2000, 5);
    const auto q = calibrated("lognet", raw, weight_site({1, 2000}), w);
    const auto y = quantized(*q, w);
    const Grid grid = q->grid();
    for (std::size_t i = 0; i < w.size(); ++i) {
      if (y[i] == 0) continue;
      double best = 1e9;
      for (std::int32_t code = 0; code <= grid.high_code(); ++code) {
        const float level = grid.value(code, 0);
        if (level != 0 && (level < 0) == (w[i] < 0)) {
          best = std::min(best, std::fabs(std::log2(std::fabs(double(w[i]) / level))));
        }
      }
      const double own = std::fabs(std::log2(std::fabs(double(w[i]) / y[i])));
      REQUIRE(own <= best + 1e-6);
    }
  }
}

TEST_CASE("lognet: each image's gradients have a range of their own", "[lognet]") {
  const auto raw = params({{"gradient_bits", "4"}});
  const auto q = quantizer_for("lognet", raw, value_site(Role::kGradient, 4));
  const Values g = {0.3f, -0.1f, 0, 0.02f, 300, -100, 0, 20};
  const auto y = quantized(*q, g, {.training = true, .images = 2});
  CHECK(y == Values{0.25f, -0.125f, 0, 0.015625f, 256, -128, 0, 16});
}
