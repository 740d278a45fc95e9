#include <cmath>

#include <catch2/catch.hpp>

#include "tests/methods/quantizers.h"

using namespace bitsweep;
using namespace bitsweep::testing;

TEST_CASE("static fixed point: Q4.4, worked by hand", "[static_fixed_point]") {
  const Values x = {0.03f,  -0.27f,   0.50f, -0.74f, 1.06f,
                    -1.31f, 0.34375f, 7.99f, -9.2f,  0};
  for (const Role role : {Role::kInput, Role::kOutput}) {
    const auto q = calibrated("static_fixed_point", {}, value_site(role, 10), x);
    CHECK(encoded(*q, x) == Codes{0, -4, 8, -12, 17, -21, 6, 127, -128, 0});
    CHECK(quantized(*q, x) ==
          Values{0, -0.25f, 0.5f, -0.75f, 1.0625f, -1.3125f, 0.375f, 7.9375f, -8, 0});
  }
}

TEST_CASE("static fixed point: one range, whatever the values", "[static_fixed_point]") {
  const auto grid = [](const Values& w) {
    return *calibrated("static_fixed_point", {}, weight_site({1, 2}), w)
                ->grid()
                .uniform();
  };
  for (const auto& found : {grid({0.01f, 0.02f}), grid({100, -200})}) {
    CHECK(found.scale.front() == 1.0f / 16);
    CHECK(found.low == -128);
    CHECK(found.high == 127);
  }
}

TEST_CASE("static fixed point: Q8.8 of sixteen bits", "[static_fixed_point]") {
  const auto raw = params({{"weight_bits", "16"}, {"integer_bits", "8"}});
  const Values w = {1000, -1000, 1.0f / 256};
  const auto q = calibrated("static_fixed_point", raw, weight_site({1, 3}), w);
  CHECK(quantized(*q, w) == Values{127.99609375f, -128, 1.0f / 256});
}

TEST_CASE("static fixed point: weights are drawn in training, activations float",
          "[static_fixed_point]") {
  const Values x = {0.03f, 0.29f};
  const auto weights = calibrated("static_fixed_point", {}, weight_site({1, 2}), x);
  double sum = 0;
  for (int step = 0; step < 2000; ++step) {
    sum += quantized(*weights, x, {.training = true, .step = step})[0];
  }
  CHECK(sum / 2000 == Approx(0.03).margin(0.004));
  const auto inputs =
      calibrated("static_fixed_point", {}, value_site(Role::kInput, 2), x);
  CHECK(quantized(*inputs, x, {.training = true}) == x);
}
