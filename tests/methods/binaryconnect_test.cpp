#include <cmath>

#include <catch2/catch.hpp>

#include "tests/methods/quantizers.h"

using namespace bitsweep;
using namespace bitsweep::testing;

namespace {

Site fan_site(int fan_in, int fan_out) {
  Site site = weight_site({1, 8});
  site.fan_in = fan_in;
  site.fan_out = fan_out;
  return site;
}

}  // namespace

TEST_CASE("binaryconnect: weights take their sign, 0 that of +1", "[binaryconnect]") {
  const auto q = calibrated("binaryconnect", {}, weight_site({1, 8}), kW8);
  CHECK(quantized(*q, kW8) == Values{1, -1, 1, -1, 1, -1, 1, -1});
  CHECK(quantized(*q, {0, -0.0f}) == Values{1, 1});
}

TEST_CASE("binaryconnect: a weight is +1 as often as its hard sigmoid",
          "[binaryconnect]") {
  const auto q = quantizer_for("binaryconnect", params({{"stochastic", "true"}}),
                               weight_site({1, 8}));
  // The chances of W8, by hand.
  const std::vector<double> chances = {0.95, 0.3, 0.525, 0, 0.8, 0.49, 0.635, 0.15};
  constexpr int kSteps = 4000;
  std::vector<double> ups(8);
  for (int step = 0; step < kSteps; ++step) {
    const auto y = quantized(*q, kW8, {.training = true, .step = step});
    for (std::size_t i = 0; i < 8; ++i) ups[i] += (y[i] + 1) / 2 / kSteps;
  }
  for (std::size_t i = 0; i < 8; ++i) {
    CAPTURE(i);
    const double deviation = std::sqrt(chances[i] * (1 - chances[i]) / kSteps);
    CHECK(std::fabs(ups[i] - chances[i]) <= 5 * deviation);
  }
}

TEST_CASE("binaryconnect: stochastic weights are tested real, as the authors do",
          "[binaryconnect]") {
  const auto made = [](const char* test_weights) {
    return quantizer_for("binaryconnect",
                         params({{"stochastic", "true"}, {"test_weights", test_weights}}),
                         weight_site({1, 8}));
  };
  CHECK(optional_interface<EvaluatesFloat>(made("auto").get()) != nullptr);
  CHECK(quantized(*made("auto"), kW8) == kW8);
  CHECK(optional_interface<EvaluatesFloat>(made("binary").get()) == nullptr);
  CHECK(quantized(*made("binary"), kW8) == Values{1, -1, 1, -1, 1, -1, 1, -1});
}

TEST_CASE("binaryconnect: the gradient passes and the step is clipped",
          "[binaryconnect]") {
  const auto q = quantizer_for("binaryconnect", {}, weight_site({1, 8}));
  CHECK(gradient(*q, kW8, kG8) == kG8);
  Values w = kW8;  // a step of rate 0.5
  for (std::size_t i = 0; i < 8; ++i) w[i] -= 0.5f * kG8[i];
  as<ChangesLatent>(*q).after_step(w);
  CHECK(near(w, {0.85, -0.3, -0.1, -1, 0.85, -0.32, 0.62, -1}, 1e-6));
}

TEST_CASE("binaryconnect: latent weights step by Glorot's bound", "[binaryconnect]") {
  const auto rate = [](const char* lr_scale, const Site& site) {
    Parameter latent("conv1/weight", 8);
    const auto q = quantizer_for("binaryconnect", params({{"lr_scale", lr_scale}}), site);
    as<AdoptsLatent>(*q).adopt(latent);
    CHECK(latent.decay_multiplier == 0);
    return latent.learning_rate_multiplier;
  };
  CHECK(rate("glorot", fan_site(784, 1024)) == Approx(34.72).margin(0.005));
  CHECK(rate("glorot", fan_site(9 * 128, 9 * 128)) == Approx(39.19).margin(0.005));
  CHECK(rate("glorot_squared", fan_site(784, 1024)) == Approx(1808.0 / 1.5));
  CHECK(rate("none", fan_site(784, 1024)) == 1);
}

TEST_CASE("binaryconnect: with Glorot's scale all is measured in H", "[binaryconnect]") {
  const Site site = fan_site(784, 1024);
  const auto q = quantizer_for("binaryconnect",
                               params({{"scale", "glorot"}, {"init", "uniform"}}), site);
  const double h = std::sqrt(1.5 / 1808);
  CHECK(near(quantized(*q, {2, -3}), {h, -h}, 1e-8));
  Values w = {2, -3, 0.001f};
  as<ChangesLatent>(*q).after_step(w);
  CHECK(near(w, {h, -h, 0.001}, 1e-8));
  Parameter latent("conv1/weight", 1000);
  as<AdoptsLatent>(*q).adopt(latent);
  double sum = 0, largest = 0;
  for (const float v : latent.value.span()) {
    sum += v;
    largest = std::max(largest, double(std::fabs(v)));
  }
  CHECK(largest <= h);
  CHECK(largest > 0.98 * h);
  CHECK(std::fabs(sum / 1000) < 5 * h / std::sqrt(3000.0));
}
