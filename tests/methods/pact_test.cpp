#include <cmath>

#include <catch2/catch.hpp>

#include "tests/methods/quantizers.h"

using namespace bitsweep;
using namespace bitsweep::testing;

namespace {

// A quantizer with its learned values set.
std::unique_ptr<Quantizer> made_pact(const RawParams& raw, const Site& site,
                                     std::vector<float> learned) {
  auto quantizer = quantizer_for("pact", raw, site);
  const auto trainable = quantizer->trainable();
  for (std::size_t i = 0; i < learned.size(); ++i) trainable[i]->value[0] = learned[i];
  return quantizer;
}

}  // namespace

TEST_CASE("pact: values below the ceiling, worked by hand", "[pact]") {
  const auto site = value_site(Role::kInput, 8);
  const auto two = made_pact(params({{"activation_bits", "2"}}), site, {1.5f});
  CHECK(near(quantized(*two, kX8), {0, 0, 0.5, 0.5, 1, 1, 1.5, 1.5}, 1e-6));
  const auto three = made_pact(params({{"activation_bits", "3"}}), site, {1.5f});
  CHECK(encoded(*three, kX8) == Codes{0, 0, 2, 3, 4, 6, 7, 7});
}

TEST_CASE("pact: the ceiling learns from what it clips", "[pact]") {
  const auto q = made_pact({}, value_site(Role::kInput, 8), {1.5f});
  CHECK(gradient(*q, kX8, kG8) == Values{0, -0.2f, 0.3f, 0.4f, -0.5f, 0.6f, 0, 0});
  CHECK(learned_gradients(*q, kX8, kG8)[0] == Approx(0.1));
}

TEST_CASE("pact: the ceiling's gradient is that of clip(x, 0, alpha)", "[pact]") {
  const auto x = normal_values(500, 5, 2), g = normal_values(500, 6);
  const auto loss = [&](double alpha) {
    double total = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      total += g[i] * std::clamp(double(x[i]), 0.0, alpha);
    }
    return total;
  };
  const auto q = made_pact({}, value_site(Role::kInput, 500), {1.5f});
  const double h = 1e-5;
  CHECK(learned_gradients(*q, x, g)[0] ==
        Approx((loss(1.5 + h) - loss(1.5 - h)) / (2 * h)).epsilon(1e-4));
}

TEST_CASE("pact: the ceiling decays and stays positive", "[pact]") {
  const auto site = value_site(Role::kInput, 8);
  const auto q = quantizer_for("pact", {}, site);
  CHECK(q->trainable()[0]->value[0] == 8);
  CHECK(q->trainable()[0]->minimum > 0);
  CHECK(q->trainable()[0]->decay_multiplier == 1);
  const auto still = quantizer_for("pact", params({{"decay", "false"}}), site);
  CHECK(still->trainable()[0]->decay_multiplier == 0);
}

TEST_CASE("pact: the ceiling may begin at the largest value", "[pact]") {
  const auto q =
      calibrated("pact", params({{"init", "max"}}), value_site(Role::kInput, 8), kX8);
  CHECK(q->trainable()[0]->value[0] == 3);
}

TEST_CASE("pact: weights are DoReFa's", "[pact]") {
  const Site site = weight_site({1, 8});
  const auto raw = params({{"weight_bits", "3"}});
  CHECK(quantized(*calibrated("pact", raw, site, kW8), kW8) ==
        quantized(*calibrated("dorefa", raw, site, kW8), kW8));
}

TEST_CASE("pact: the ceiling may begin at a percentile or at the least error", "[pact]") {
  const auto site = value_site(Role::kInput, 8);
  // The fourth of the seven positive values is 0.9; a bin is 4 / 8192 wide.
  CHECK(learned_start("pact", params({{"init", "percentile"}, {"percentile", "50"}}),
                      site, kX8) == Approx(0.9).margin(0x1p-11));
  // Multiples of 0.5 up to 1.5 are on the grid of 2 bits below 1.5.
  const auto least = params({{"init", "mse"}, {"activation_bits", "2"}});
  CHECK(learned_start("pact", least, site, {-7, 0, 0.5f, 1, 1.5f, 1, 0.5f, 1.5f}) ==
        Approx(1.5).epsilon(2e-3));
}
