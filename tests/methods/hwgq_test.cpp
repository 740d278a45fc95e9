#include <cmath>

#include <catch2/catch.hpp>

#include "tests/methods/quantizers.h"

using namespace bitsweep;
using namespace bitsweep::testing;

namespace {

std::vector<float> levels(const RawParams& raw) {
  return quantizer_for("hwgq", raw, value_site(Role::kInput, 8))->grid().levels()->levels;
}

// The mean square error over the positive half of N(0, 1), by summing.
double half_wave_error(const RawParams& raw) {
  const auto q = quantizer_for("hwgq", raw, value_site(Role::kInput, 1));
  constexpr int kSteps = 40000;
  Values x(kSteps);
  for (int i = 0; i < kSteps; ++i) x[std::size_t(i)] = (float(i) + 0.5f) * 8 / kSteps;
  const auto y = quantized(*q, x);
  double error = 0, mass = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double p = std::exp(-double(x[i]) * x[i] / 2);
    error += p * std::pow(double(x[i]) - y[i], 2);
    mass += p;
  }
  return error / mass;
}

RawParams of(const char* bits, const char* levels) {
  return params({{"activation_bits", bits}, {"levels", levels}});
}

}  // namespace

TEST_CASE("hwgq: any positive value becomes at least the first centre", "[hwgq]") {
  const auto q = quantizer_for("hwgq", {}, value_site(Role::kInput, 8));
  CHECK(near(quantized(*q, kX8), {0, 0.538, 0.538, 0.538, 1.076, 1.076, 1.614, 1.614},
             1e-6));
}

TEST_CASE("hwgq: three backward rules", "[hwgq]") {
  const auto slopes = [](const char* backward) {
    const auto q =
        quantizer_for("hwgq", params({{"ste", backward}}), value_site(Role::kInput, 8));
    return gradient(*q, kX8, kG8);
  };
  CHECK(near(slopes("clipped"), {0, -0.2, 0.3, 0.4, -0.5, 0.6, 0, 0}, 1e-7));
  CHECK(near(slopes("vanilla"), {0, -0.2, 0.3, 0.4, -0.5, 0.6, -0.7, 0.8}, 1e-7));
  CHECK(near(slopes("log"), {0, -0.2, 0.3, 0.4, -0.5, 0.6, -0.644567, 0.335289}, 1e-6));
}

TEST_CASE("hwgq: Lloyd's centres are those of half a Gaussian", "[hwgq]") {
  const auto is = [](const std::vector<float>& found, std::vector<double> expected) {
    return near(found, expected, 6e-4);
  };
  CHECK(is(levels(of("2", "lloyd")), {0, 0.3177, 1.0001, 1.8936}));
  CHECK(
      is(levels(of("3", "lloyd")), {0, 0.146, 0.441, 0.751, 1.086, 1.468, 1.939, 2.625}));
}

TEST_CASE("hwgq: errors over half a Gaussian are those of the best steps", "[hwgq]") {
  CHECK(half_wave_error(of("1", "uniform")) == Approx(0.3634).margin(1e-4));
  CHECK(half_wave_error(of("2", "uniform")) == Approx(0.0864).margin(1e-4));
  CHECK(half_wave_error(of("2", "lloyd")) == Approx(0.0580).margin(1e-4));
  CHECK(half_wave_error(of("3", "uniform")) == Approx(0.0204).margin(1e-4));
  CHECK(half_wave_error(of("4", "uniform")) == Approx(0.0050).margin(1e-4));
  CHECK(half_wave_error(of("4", "lloyd")) < half_wave_error(of("4", "uniform")));
}

TEST_CASE("hwgq: weights are BWN's with the plain gradient", "[hwgq]") {
  const auto q = calibrated("hwgq", {}, weight_site({1, 8}), kW8);
  CHECK(near(quantized(*q, kW8), {0.53, -0.53, 0.53, -0.53, 0.53, -0.53, 0.53, -0.53},
             1e-6));
  CHECK(gradient(*q, kW8, kG8) == kG8);
  Values latent = {3, -3};
  as<ChangesLatent>(*q).after_step(latent);
  CHECK(latent == Values{3, -3});
}

TEST_CASE("hwgq: the levels may be scaled to what a layer sees", "[hwgq]") {
  const auto site = value_site(Role::kInput, 8);
  const auto scale = [&](const RawParams& raw, const Values& x) {
    return calibrated("hwgq", raw, site, x)->grid().levels()->scale[0];
  };
  CHECK(scale({}, kX8) == 1);
  // q_3 = 1.614 becomes 3, the largest; or 0.9, the fourth of seven positive values.
  CHECK(scale(params({{"init", "max"}}), kX8) == Approx(3 / 1.614));
  CHECK(scale(params({{"init", "percentile"}, {"percentile", "50"}}), kX8) ==
        Approx(0.9 / 1.614).margin(0x1p-11));
  // Of twice a half Gaussian the levels of least error are twice those of the paper.
  const auto x = normal_values(100000, 4, 2);
  const auto q = calibrated("hwgq", params({{"init", "mse"}}),
                            value_site(Role::kInput, x.size()), x);
  CHECK(q->grid().levels()->scale[0] == Approx(2).epsilon(0.02));  // a finite sample
}

TEST_CASE("hwgq: with a scale values and slopes are those of x / scale", "[hwgq]") {
  for (const char* backward : {"clipped", "vanilla", "log"}) {
    const auto plain =
        quantizer_for("hwgq", params({{"ste", backward}}), value_site(Role::kInput, 8));
    Values x = kX8;
    x[7] = 2 * 1.614f;  // the largest: a scale of 2
    const auto scaled = calibrated("hwgq", params({{"ste", backward}, {"init", "max"}}),
                                   value_site(Role::kInput, 8), x);
    Values half = x;
    for (float& v : half) v /= 2;
    auto twice = quantized(*plain, half);
    for (float& v : twice) v *= 2;
    CHECK(near(quantized(*scaled, x), {twice.begin(), twice.end()}, 1e-6));
    const auto slopes = gradient(*plain, half, kG8);
    CHECK(near(gradient(*scaled, x, kG8), {slopes.begin(), slopes.end()}, 1e-6));
  }
}
