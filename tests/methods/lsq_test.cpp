#include <cmath>

#include <catch2/catch.hpp>

#include "framework/core/error.h"
#include "tests/methods/quantizers.h"

using namespace bitsweep;
using namespace bitsweep::testing;

namespace {

// A quantizer with its learned values set.
std::unique_ptr<Quantizer> made_lsq(const RawParams& raw, const Site& site,
                                    std::vector<float> learned) {
  auto quantizer = quantizer_for("lsq", raw, site);
  const auto trainable = quantizer->trainable();
  for (std::size_t i = 0; i < learned.size(); ++i) trainable[i]->value[0] = learned[i];
  return quantizer;
}

float start(const RawParams& raw, const Site& site, const Values& x) {
  const auto q = calibrated("lsq", raw, site, x);
  return q->trainable()[0]->value[0];
}

const Site kWeights = weight_site({1, 8});
const Site kInputs = value_site(Role::kInput, 8, false);

}  // namespace

TEST_CASE("lsq: steps begin at twice the mean magnitude over sqrt(Qp)", "[lsq]") {
  CHECK(start(params({{"weight_bits", "2"}}), kWeights, kW8) == Approx(1.06));
  CHECK(start(params({{"weight_bits", "3"}}), kWeights, kW8) == Approx(0.611991));
  CHECK(start(params({{"activation_bits", "2"}}), kInputs, kX8) == Approx(1.219652));
}

TEST_CASE("lsq: from these steps W8 has the worked codes", "[lsq]") {
  const auto codes = [](const char* bits) {
    const auto raw = params({{"weight_bits", bits}});
    return encoded(*calibrated("lsq", raw, kWeights, kW8), kW8);
  };
  CHECK(codes("2") == Codes{1, 0, 0, -1, 1, 0, 0, -1});
  CHECK(codes("3") == Codes{1, -1, 0, -2, 1, 0, 0, -1});
}

TEST_CASE("lsq: LSQ+ begins weights at three deviations", "[lsq]") {
  CHECK(start(params({{"weight_bits", "3"}, {"init", "lsqplus"}}), kWeights, kW8) ==
        Approx(0.552162));
}

TEST_CASE("lsq: two-bit weights, worked by hand", "[lsq]") {
  const auto q = made_lsq(params({{"weight_bits", "2"}}), kWeights, {0.51f});
  CHECK(encoded(*q, kW8) == Codes{1, -1, 0, -2, 1, 0, 1, -1});
  CHECK(gradient(*q, kW8, kG8) == Values{0, -0.2f, 0.3f, 0, 0, 0.6f, -0.7f, 0.8f});
  CHECK(learned_gradients(*q, kW8, kG8)[0] == Approx(-0.422184).margin(1e-6));
}

TEST_CASE("lsq: three-bit weights, worked by hand", "[lsq]") {
  const auto q = made_lsq(params({{"weight_bits", "3"}}), kWeights, {0.51f});
  CHECK(encoded(*q, kW8) == Codes{2, -1, 0, -3, 1, 0, 1, -1});
  CHECK(gradient(*q, kW8, kG8) == kG8);
  CHECK(learned_gradients(*q, kW8, kG8)[0] == Approx(-0.012808).margin(1e-6));
}

TEST_CASE("lsq: activations, worked by hand", "[lsq]") {
  const auto q = made_lsq(params({{"activation_bits", "2"}}), kInputs, {0.58f});
  CHECK(encoded(*q, kX8) == Codes{0, 0, 1, 1, 2, 2, 3, 3});
  CHECK(gradient(*q, kX8, kG8) == Values{0, -0.2f, 0.3f, 0.4f, -0.5f, 0.6f, -0.7f, 0});
  CHECK(learned_gradients(*q, kX8, kG8)[0] == Approx(0.456112).margin(1e-6));
}

TEST_CASE("lsq: the gradient's scale is a setting", "[lsq]") {
  const auto of = [](const char* scale) {
    const auto raw = params({{"activation_bits", "2"}, {"grad_scale", scale}});
    return learned_gradients(*made_lsq(raw, kInputs, {0.58f}), kX8, kG8)[0];
  };
  CHECK(of("one") == Approx(2.234483));
  CHECK(of("sqrt_n") == Approx(2.234483 / std::sqrt(8.0)));
}

TEST_CASE("lsq: LSQ+'s offset, worked by hand", "[lsq]") {
  const auto raw =
      params({{"activation_bits", "2"}, {"offset", "true"}, {"grad_scale", "one"}});
  const auto q = made_lsq(raw, kInputs, {0.6f, -0.25f});
  CHECK(encoded(*q, kX8) == Codes{0, 1, 1, 1, 2, 2, 3, 3});
  CHECK(
      near(quantized(*q, kX8), {-0.25, 0.35, 0.35, 0.35, 0.95, 0.95, 1.55, 1.55}, 1e-6));
  CHECK(gradient(*q, kX8, kG8) == Values{0, -0.2f, 0.3f, 0.4f, -0.5f, 0.6f, 0, 0});
  const auto learned = learned_gradients(*q, kX8, kG8);
  CHECK(learned[0] == Approx(-0.233333).margin(1e-5));
  CHECK(learned[1] == Approx(0.2).margin(1e-6));
}

TEST_CASE("lsq: one bit is for inputs of one sign, or with an offset", "[lsq]") {
  const auto one = params({{"activation_bits", "1"}});
  const Site both_signs = value_site(Role::kInput, 8);
  CHECK(encoded(*made_lsq(one, kInputs, {1}), kX8) == Codes{0, 0, 0, 1, 1, 1, 1, 1});
  CHECK_THROWS_AS(quantizer_for("lsq", one, both_signs), ConfigError);
  CHECK_THROWS_WITH(quantizer_for("lsq", one, both_signs),
                    Catch::StartsWith("conv1/input: ") && Catch::Contains("2 bits"));
  auto with_offset = one;
  with_offset.merge(params({{"offset", "true"}}));
  CHECK(quantizer_for("lsq", with_offset, both_signs) != nullptr);
}

TEST_CASE("lsq: a weight step's gradient is that with the residuals held", "[lsq]") {
  // y = w + s r inside, with r = round(v) - v held; -4 s below and 3 s above.
  const auto raw =
      params({{"weight_bits", "3"}, {"group", "filter"}, {"grad_scale", "one"}});
  constexpr std::size_t kFilters = 3, kInner = 200;
  const auto w = normal_values(kFilters * kInner, 5), g = normal_values(w.size(), 6);
  const auto q = made_lsq(raw, weight_site({int(kFilters), int(kInner)}), {});
  const std::vector<double> s0 = {0.3, 0.45, 0.7};
  for (std::size_t f = 0; f < kFilters; ++f) {
    q->trainable()[0]->value[f] = float(s0[f]);
  }
  const auto loss = [&](std::size_t filter, double s) {
    double total = 0;
    for (std::size_t i = filter * kInner; i < (filter + 1) * kInner; ++i) {
      const double v = w[i] / s0[filter];
      total += g[i] * (v <= -4 ? -4 * s : v >= 3 ? 3 * s : w[i] + s * (std::rint(v) - v));
    }
    return total;
  };
  const auto learned = learned_gradients(*q, w, g);
  REQUIRE(learned.size() == kFilters);
  const double h = 1e-4;
  for (std::size_t f = 0; f < kFilters; ++f) {
    const double slope = (loss(f, s0[f] + h) - loss(f, s0[f] - h)) / (2 * h);
    CHECK(learned[f] == Approx(slope).epsilon(1e-4));  // float v of 200 terms
  }
}

TEST_CASE("lsq: learned gradients are those with the rounding residuals held", "[lsq]") {
  // y = x + s r inside, with r = round(v) - v held; s Q + beta outside.
  const auto raw =
      params({{"activation_bits", "3"}, {"offset", "true"}, {"grad_scale", "one"}});
  const auto x = normal_values(500, 5, 2), g = normal_values(500, 6);
  const double s0 = 0.4, b0 = -0.3;
  const auto loss = [&](double s, double b) {
    double total = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double v = (x[i] - b0) / s0;
      const double y = v <= 0 ? b : v >= 7 ? 7 * s + b : x[i] + s * (std::rint(v) - v);
      total += g[i] * y;
    }
    return total;
  };
  const auto q = made_lsq(raw, value_site(Role::kInput, 500), {float(s0), float(b0)});
  const auto learned = learned_gradients(*q, x, g);
  const double h = 1e-3;
  CHECK(learned[0] ==
        Approx((loss(s0 + h, b0) - loss(s0 - h, b0)) / (2 * h)).epsilon(1e-4));
  CHECK(learned[1] ==
        Approx((loss(s0, b0 + h) - loss(s0, b0 - h)) / (2 * h)).epsilon(1e-4));
}

TEST_CASE("lsq: gradients may overwrite those from above, offset and all", "[lsq]") {
  const auto raw = params({{"activation_bits", "3"}, {"offset", "true"}});
  const auto x = normal_values(500, 5, 2), g = normal_values(500, 6);
  const auto q = made_lsq(raw, value_site(Role::kInput, 500), {0.4f, -0.3f});
  Values apart(500), same = g;
  auto sums_apart = zero_sums(*q), sums_same = sums_apart;
  q->backward(x, g, apart, sums_apart, {.training = true});
  q->backward(x, same, same, sums_same, {.training = true});
  CHECK(same == apart);
  CHECK(sums_same == sums_apart);
}

TEST_CASE("lsq: the least square error is found", "[lsq]") {
  const auto raw = params({{"activation_bits", "2"}, {"init", "mse"}});
  const auto x = normal_values(4000, 9);
  Values positive = x;
  for (float& v : positive) v = std::fabs(v);
  const auto site = value_site(Role::kInput, 4000, false);
  const float found = start(raw, site, positive);
  const auto error = [&](float step) {
    const auto y = quantized(*made_lsq(raw, site, {step}), positive);
    double sum = 0;
    for (std::size_t i = 0; i < y.size(); ++i) sum += std::pow(y[i] - positive[i], 2);
    return sum;
  };
  for (const float step : {0.3f, 0.5f, 0.6f, 0.65f, 0.7f, 0.8f, 1.0f}) {
    CAPTURE(step, found);
    CHECK(error(found) <= error(step) * 1.001);
  }
}

TEST_CASE("lsq: each filter may have a step", "[lsq]") {
  const auto raw = params({{"group", "filter"}});
  const Site site = weight_site({3, 20});
  auto w = normal_values(60, 4);
  for (std::size_t i = 20; i < 40; ++i) w[i] *= 10;
  const auto q = calibrated("lsq", raw, site, w);
  const auto steps = q->trainable()[0]->value.span();
  REQUIRE(steps.size() == 3);
  CHECK(steps[1] > 4 * steps[0]);
  CHECK(learned_gradients(*q, w, w).size() == 3);
}

TEST_CASE("lsq: steps stay positive and do not decay", "[lsq]") {
  const auto q = quantizer_for("lsq", {}, kWeights);
  CHECK(q->trainable()[0]->minimum > 0);
  CHECK(q->trainable()[0]->decay_multiplier == 0);
}

TEST_CASE("lsq: LSQ+'s start of equal weights is their size over 2^(b-1)", "[lsq]") {
  // No deviation: |mean| / 8, however large the sum of squares.
  const auto raw = params({{"init", "lsqplus"}});
  for (const float v : {0.1f, -0.1f, 1e30f, 1e-20f}) {
    CAPTURE(v);
    const Values w(4096, v);
    CHECK(start(raw, weight_site({1, 4096}), w) ==
          Approx(std::max(1e-8, std::fabs(double(v)) / 8)).epsilon(1e-6));
  }
}

TEST_CASE("lsq: starts hold for sizes whose squares or sums are no floats", "[lsq]") {
  // Half of them 1e30 and half -1e30: mean 0, deviation 1e30 sqrt(n / (n - 1)).
  Values w(4096, 1e30f);
  for (std::size_t i = 0; i < w.size(); i += 2) w[i] = -1e30f;
  const double deviation = 1e30 * std::sqrt(4096.0 / 4095);
  CHECK(start(params({{"init", "lsqplus"}}), weight_site({1, 4096}), w) ==
        Approx(3 * deviation / 8).epsilon(1e-6));
  // Sums of 64 floats of 1e37 are none: 2 E|v| / sqrt(7) still is.
  CHECK(start({}, weight_site({1, 4096}), Values(4096, 1e37f)) ==
        Approx(2e37 / std::sqrt(7.0)).epsilon(1e-6));
}

TEST_CASE("lsq: small weights beside large ones do not disturb the start", "[lsq]") {
  // 10 and a little: the mean of 1e4 +- 1 cancels in a sum of squares.
  Values w(1000, 1e4f + 1);
  for (std::size_t i = 0; i < w.size(); i += 2) w[i] = 1e4f - 1;
  const double deviation = std::sqrt(1000.0 / 999);
  CHECK(8 * start(params({{"init", "lsqplus"}}), weight_site({1, 1000}), w) - 1e4 ==
        Approx(3 * deviation).epsilon(2e-3));  // eight times a float's rounding at 1e3
}

TEST_CASE("lsq: equal inputs are met by the offset", "[lsq]") {
  const auto raw = params({{"offset", "true"}, {"init", "lsqplus"}});
  for (const float v : {0.1f, -0.1f, 1e30f}) {
    const Values x(100, v);
    const auto q = calibrated("lsq", raw, value_site(Role::kInput, 100), x);
    CAPTURE(v);
    CHECK(quantized(*q, x)[0] == Approx(v).epsilon(1e-6));
    // The next codes are there, too: the zero point leaves them room.
    const float step = q->trainable()[0]->value[0];
    CHECK(quantized(*q, {v + 2 * step})[0] == Approx(v + 2 * step).epsilon(1e-6));
  }
}

TEST_CASE("lsq: the step may begin with a percentile at Qp", "[lsq]") {
  const auto half = params({{"weight_bits", "3"},
                            {"activation_bits", "2"},
                            {"init", "percentile"},
                            {"percentile", "50"}});
  // The fourth of the eight |W| is 0.4, the fourth of the |X| 0.6; bins of 2^-12 and
  // 2^-11. Qp is 3 for both.
  CHECK(start(half, kWeights, kW8) == Approx(0.4 / 3).margin(0x1p-12));
  CHECK(start(half, kInputs, kX8) == Approx(0.6 / 3).margin(0x1p-11));
  // With an offset the grid reaches from -0.6, the least value, to 0.6.
  auto moved = half;
  moved.merge(params({{"offset", "true"}}));
  const auto q = calibrated("lsq", moved, value_site(Role::kInput, 8), kX8);
  CHECK(q->trainable()[0]->value[0] == Approx(1.2 / 3).margin(0x1p-11));
  CHECK(q->trainable()[1]->value[0] == Approx(-0.6).margin(0x1p-11));
}
