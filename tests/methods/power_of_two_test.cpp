#include <cmath>

#include <catch2/catch.hpp>

#include "tests/methods/quantizers.h"

using namespace bitsweep;
using namespace bitsweep::testing;

TEST_CASE("power of two: weights, worked by hand", "[power_of_two]") {
  const Values w = {0.31f, -0.05f,   0.127f, -0.443f, 0,
                    0.2f,  -0.0078f, 0.36f,  0.9f,    -0.0001f};
  const auto q = quantizer_for("power_of_two", {}, weight_site({1, 10}));
  CHECK(quantized(*q, w) == Values{0.25f, -0.0625f, 0.125f, -0.5f, 0.00390625f, 0.25f,
                                   -0.0078125f, 0.5f, 0.5f, -0.00390625f});
}

TEST_CASE("power of two: exponents are drawn by the logarithm", "[power_of_two]") {
  const auto q = quantizer_for("power_of_two", {}, weight_site({1, 3}));
  const Values w = {0.31f, -0.19f, 0.25f};
  std::vector<double> ups(3);
  constexpr int kSteps = 4000;
  for (int step = 0; step < kSteps; ++step) {
    const auto y = quantized(*q, w, {.training = true, .step = step});
    ups[0] += y[0] == 0.5f;
    ups[1] += y[1] == -0.25f;
    ups[2] += y[2] != 0.25f;
  }
  for (std::size_t i = 0; i < 2; ++i) {
    const double chance =
        std::log2(std::fabs(w[i])) - std::floor(std::log2(std::fabs(w[i])));
    CHECK(std::fabs(ups[i] / kSteps - chance) <
          5 * std::sqrt(chance * (1 - chance) / kSteps));
  }
  CHECK(ups[2] == 0);
}

TEST_CASE("power of two: activations are dynamic fixed point", "[power_of_two]") {
  const Values x = {0, 1.7f, 3.2f, 12.9f, 0.45f, 6.6f, 19.4f, 2.5f};
  const auto site = value_site(Role::kInput, 8);
  CHECK(quantized(*calibrated("power_of_two", {}, site, x), x) ==
        quantized(*calibrated("dynamic_fixed_point", {}, site, x), x));
  CHECK(quantizer_for("power_of_two", {}, value_site(Role::kBias, 8)) == nullptr);
}
