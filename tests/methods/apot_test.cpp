#include <cmath>

#include <catch2/catch.hpp>

#include "tests/methods/quantizers.h"

using namespace bitsweep;
using namespace bitsweep::testing;

namespace {

// A quantizer with its learned values set.
std::unique_ptr<Quantizer> made_apot(const RawParams& raw, const Site& site,
                                     std::vector<float> learned) {
  auto quantizer = quantizer_for("apot", raw, site);
  const auto trainable = quantizer->trainable();
  for (std::size_t i = 0; i < learned.size(); ++i) trainable[i]->value[0] = learned[i];
  return quantizer;
}

std::vector<double> magnitudes(const char* bits) {
  const auto q = quantizer_for("apot", params({{"activation_bits", bits}}),
                               value_site(Role::kInput, 8));
  const auto levels = q->grid().levels()->levels;
  return {levels.begin(), levels.end()};
}

}  // namespace

TEST_CASE("apot: the levels are sums of powers of two", "[apot]") {
  CHECK(magnitudes("2") == std::vector<double>{0, 0.25, 0.5, 1});
  const auto four = magnitudes("4");
  const int in_48ths[] = {0, 1, 2, 3, 4, 6, 8, 9, 12, 16, 18, 24, 32, 33, 36, 48};
  REQUIRE(four.size() == 16);
  for (std::size_t i = 0; i < 16; ++i) CHECK(four[i] == Approx(in_48ths[i] / 48.0));
  CHECK(magnitudes("3").size() == 8);
  CHECK(magnitudes("3")[5] == Approx(0.6));
}

TEST_CASE("apot: weights, worked by hand", "[apot]") {
  const auto raw = params({{"weight_bits", "3"}});
  const auto q = made_apot(raw, weight_site({1, 8}), {1.5f});
  q->prepare(kW8);
  CHECK(near(quantized(*q, kW8), {1.5, -0.375, 0, -1.5, 0.75, 0, 0.375, -0.75}, 1e-6));
  CHECK(learned_gradients(*q, kW8, kG8)[0] == Approx(-0.281992).margin(1e-6));
}

TEST_CASE("apot: the weight gradient is divided by the standard deviation", "[apot]") {
  // Wn = (W - mean) / std with constant mean and std; the levels pass dWn = G: dW = G /
  // std, where the std of W8 is 0.711216 (n - 1).
  const auto q = made_apot(params({{"weight_bits", "3"}}), weight_site({1, 8}), {1.5f});
  q->prepare(kW8);
  std::vector<double> expected;
  for (const float g : kG8) expected.push_back(g / 0.711216);
  CHECK(near(gradient(*q, kW8, kG8), expected, 2e-6));  // std in six digits
}

TEST_CASE("apot: the gradient may be masked beyond the clip", "[apot]") {
  const auto raw = params({{"weight_bits", "3"}, {"mask_weight_gradient", "true"}});
  const auto q = made_apot(raw, weight_site({1, 8}), {1.5f});
  q->prepare(kW8);
  std::vector<double> expected;
  for (const float g : kG8) expected.push_back(g / 0.711216);
  expected[3] = 0;                                      // -1.72 deviations
  CHECK(near(gradient(*q, kW8, kG8), expected, 2e-6));  // std in six digits
}

TEST_CASE("apot: two bits are -alpha, 0 and alpha", "[apot]") {
  const auto q = made_apot(params({{"weight_bits", "2"}}), weight_site({1, 8}), {1.5f});
  q->prepare(kW8);
  CHECK(quantized(*q, kW8) == Values{1.5f, 0, 0, -1.5f, 1.5f, 0, 0, -1.5f});
}

TEST_CASE("apot: activations are clipped at alpha", "[apot]") {
  const auto q =
      made_apot(params({{"activation_bits", "2"}}), value_site(Role::kInput, 8), {2});
  CHECK(quantized(*q, kX8) == Values{0, 0, 0.5f, 0.5f, 1, 1, 2, 2});
  CHECK(gradient(*q, kX8, kG8) == Values{0, -0.2f, 0.3f, 0.4f, -0.5f, 0.6f, -0.7f, 0});
}

TEST_CASE("apot: alpha's gradient is that with the residuals held", "[apot]") {
  const auto x = normal_values(500, 5, 2), g = normal_values(500, 6);
  const auto q =
      made_apot(params({{"activation_bits", "3"}}), value_site(Role::kInput, 500), {2});
  const auto y = quantized(*q, x);
  const auto loss = [&](double alpha) {  // x + alpha r inside, alpha outside
    double total = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double residual = (double(y[i]) - x[i]) / 2;
      total += g[i] * (x[i] <= 0 ? 0 : x[i] > 2 ? alpha : x[i] + alpha * residual);
    }
    return total;
  };
  const double h = 1e-3;
  CHECK(learned_gradients(*q, x, g)[0] ==
        Approx((loss(2 + h) - loss(2 - h)) / (2 * h)).epsilon(1e-4));
}

TEST_CASE("apot: a weight alpha's gradient is that with the residuals held", "[apot]") {
  // Wn + alpha r inside, with r = q - Wn / alpha held; sign(Wn) alpha outside.
  const auto w = normal_values(500, 5, 0.1f), g = normal_values(500, 6);
  for (const char* bits : {"2", "3", "4", "5"}) {
    const auto q =
        made_apot(params({{"weight_bits", bits}}), weight_site({5, 100}), {1.5f});
    q->prepare(w);
    const auto y = quantized(*q, w);
    double mean = 0, squares = 0;
    for (const float v : w) mean += v / 500.0;
    for (const float v : w) squares += (v - mean) * (v - mean);
    const double deviation = std::sqrt(squares / 499);
    const auto loss = [&](double alpha) {
      double total = 0;
      for (std::size_t i = 0; i < w.size(); ++i) {
        const double wn = (w[i] - mean) / deviation;
        const double residual = (double(y[i]) - wn) / 1.5;
        total += g[i] *
                 (std::fabs(wn) > 1.5 ? std::copysign(alpha, wn) : wn + alpha * residual);
      }
      return total;
    };
    const double h = 1e-3;
    CAPTURE(bits);
    CHECK(learned_gradients(*q, w, g)[0] ==
          Approx((loss(1.5 + h) - loss(1.5 - h)) / (2 * h)).epsilon(1e-4));
  }
}

TEST_CASE("apot: clips begin at the paper's values, or at the largest input", "[apot]") {
  const auto start = [](const Site& site, const RawParams& raw) {
    return calibrated("apot", raw, site, kX8)->trainable()[0]->value[0];
  };
  CHECK(start(weight_site({1, 8}), {}) == 3);
  CHECK(start(value_site(Role::kInput, 8), {}) == 8);
  CHECK(start(value_site(Role::kInput, 8), params({{"init", "max"}})) == 3);
  CHECK(start(weight_site({1, 8}), params({{"init", "max"}})) == 3);
}

TEST_CASE("apot: clips are learned under their sites' names, above zero", "[apot]") {
  const auto q = quantizer_for("apot", {}, value_site(Role::kInput, 8));
  const Parameter& alpha = *q->trainable()[0];
  CHECK(alpha.name == "conv1/input.alpha");
  CHECK(alpha.minimum > 0);
  CHECK(alpha.decay_multiplier == 1);
}

TEST_CASE("apot: what is rounded are the normalised weights", "[apot]") {
  const auto q = made_apot(params({{"weight_bits", "3"}}), weight_site({1, 8}), {1.5f});
  q->prepare(kW8);
  CHECK(near(
      transformed(*q, kW8),
      {1.370891, -0.456964, 0.175755, -1.722402, 0.949078, 0.077332, 0.485085, -0.878776},
      1e-6));
}

TEST_CASE("apot: clips may begin at a percentile, weights' in deviations", "[apot]") {
  const auto half = params({{"init", "percentile"}, {"percentile", "50"}});
  // The fourth of the seven positive inputs is 0.9, its bin 4 / 8192 wide; the fourth of
  // the eight |Wn| is 0.485085.
  CHECK(learned_start("apot", half, value_site(Role::kInput, 8), kX8) ==
        Approx(0.9).margin(0x1p-11));
  CHECK(learned_start("apot", half, weight_site({1, 8}), kW8) ==
        Approx(0.485085).margin(0x1p-12));
}

TEST_CASE("apot: clips may begin where the levels err least", "[apot]") {
  // 0, 1/4, 1/2 and 1 times 2: on the grid of 2 bits nothing is lost.
  const Values x = {0.5f, 1, 2, 0.5f, 2};
  const auto raw = params({{"init", "mse"}, {"activation_bits", "2"}});
  CHECK(learned_start("apot", raw, value_site(Role::kInput, 5), x) ==
        Approx(2).epsilon(2e-3));  // values count as the middle of their bin
  const auto w = normal_values(2000, 3, 0.1f);
  const auto error = [&](const Quantizer& q) {
    const auto u = transformed(q, w), y = quantized(q, w);
    double sum = 0;
    for (std::size_t i = 0; i < w.size(); ++i) sum += std::pow(u[i] - y[i], 2);
    return sum;
  };
  const auto best =
      calibrated("apot", params({{"init", "mse"}}), weight_site({1, 2000}), w);
  for (const float alpha : {1.5f, 2.0f, 2.5f, 3.0f, 3.5f}) {
    const auto other = made_apot({}, weight_site({1, 2000}), {alpha});
    other->prepare(w);
    CHECK(error(*best) <= error(*other) * 1.001);  // alphas are hundredths of the largest
  }
}
