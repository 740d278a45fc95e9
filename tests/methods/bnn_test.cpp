#include <cmath>

#include <catch2/catch.hpp>

#include "tests/methods/quantizers.h"

using namespace bitsweep;
using namespace bitsweep::testing;

TEST_CASE("bnn: activations take their sign and pass gradients within 1", "[bnn]") {
  const auto q = quantizer_for("bnn", {}, value_site(Role::kInput, 8));
  CHECK(quantized(*q, kX8) == Values{-1, 1, 1, 1, 1, 1, 1, 1});
  CHECK(gradient(*q, kX8, kG8) == Values{0.1f, -0.2f, 0.3f, 0.4f, -0.5f, 0, 0, 0});
}

TEST_CASE("bnn: other slopes of the sign are settings", "[bnn]") {
  const auto q =
      quantizer_for("bnn", params({{"ste", "polynomial"}}), value_site(Role::kInput, 8));
  CHECK(near(gradient(*q, kX8, kG8), {0.08, -0.36, 0.36, 0.36, -0.1, 0, 0, 0}, 1e-6));
}

TEST_CASE("bnn: weights are BinaryConnect's", "[bnn]") {
  const Site site = weight_site({1, 8});
  const auto bnn = quantizer_for("bnn", {}, site);
  CHECK(quantized(*bnn, kW8) ==
        quantized(*quantizer_for("binaryconnect", {}, site), kW8));
  Values w = kW8;
  as<ChangesLatent>(*bnn).after_step(w);
  CHECK(w[3] == -1);
}

TEST_CASE("bnn: stochastic activations are +1 as often as their hard sigmoid", "[bnn]") {
  const auto q =
      quantizer_for("bnn", params({{"stochastic", "true"}}), value_site(Role::kInput, 1));
  constexpr int kSteps = 4000;
  double ups = 0;
  for (int step = 0; step < kSteps; ++step) {
    ups += quantized(*q, {0.4f}, {.training = true, .step = step})[0] > 0;
  }
  CHECK(std::fabs(ups / kSteps - 0.7) < 5 * std::sqrt(0.21 / kSteps));
  CHECK(quantized(*q, {-0.4f}) == Values{-1});
}

TEST_CASE("bnn: products of signs are counts of equal bits", "[bnn]") {
  const Values a = {1, -1, -1, 1, 1, 1, -1, 1}, b = {1, 1, -1, -1, 1, -1, -1, 1};
  const auto q = quantizer_for("bnn", {}, value_site(Role::kInput, 8));
  const auto x = encoded(*q, a), y = encoded(*q, b);
  int unequal = 0;
  for (std::size_t i = 0; i < 8; ++i) unequal += x[i] != y[i];
  CHECK(unequal == 3);
  CHECK(8 - 2 * unequal == 2);  // sum a b
}
