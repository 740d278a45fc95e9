#include <algorithm>
#include <cmath>

#include <catch2/catch.hpp>

#include "tests/methods/quantizers.h"

using namespace bitsweep;
using namespace bitsweep::testing;
using Catch::Matchers::WithinAbs;

namespace {

const Values kDorefaW = {0.9f, -0.4f, 0.05f, -1.3f, 0.6f, -0.02f, 0.27f, -0.7f};
const Values kDorefaG = {0.1f, -0.2f, 0.3f, 0.4f, -0.5f, 0.6f, -0.7f, 0.8f};
const Values kX = {-0.6f, 0.1f, 0.4f, 0.55f, 0.9f, 1.2f, 1.7f, 3.0f};

std::unique_ptr<Quantizer> weights(const char* bits, const char* max_grad = "constant") {
  return calibrated("dorefa", params({{"weight_bits", bits}, {"max_grad", max_grad}}),
                    weight_site({1, 8}), kDorefaW);
}

std::unique_ptr<Quantizer> inputs(const char* bits, const char* bound = "clip") {
  return calibrated("dorefa", params({{"activation_bits", bits}, {"bound", bound}}),
                    value_site(Role::kInput, 8), kX);
}

std::unique_ptr<Quantizer> gradients(const char* bits) {
  return quantizer_for("dorefa", params({{"gradient_bits", bits}}),
                       value_site(Role::kGradient, 8));
}

// The paper's formula for one sample, in double; itself checked on given noise below.
std::vector<double> quantized_gradient(const Values& g, const std::vector<double>& sigma,
                                       int bits) {
  const double n = std::pow(2, bits) - 1;
  double m = 0;
  for (const float v : g) m = std::max(m, std::fabs(double(v)));
  std::vector<double> y;
  for (std::size_t i = 0; i < g.size(); ++i) {
    const double r = g[i] / (2 * m) + 0.5 + sigma[i] / n;
    y.push_back(2 * m * (std::round(n * std::clamp(r, 0.0, 1.0)) / n - 0.5));
  }
  return y;
}

}  // namespace

TEST_CASE("dorefa: weights of 2 and 3 bits, worked by hand", "[dorefa]") {
  // tanh(W) / (2 * 0.861723) + 1/2 = 0.9156, 0.2795, 0.5290, 0, 0.8116, 0.4884, 0.6530,
  // 0.1493.
  const auto q2 = weights("2");
  CHECK(encoded(*q2, kDorefaW) == Codes{3, 1, 2, 0, 2, 1, 2, 0});
  const double third = 1.0 / 3;
  CHECK(near(quantized(*q2, kDorefaW), {1, -third, third, -1, third, -third, third, -1},
             1e-7));

  const auto q3 = weights("3");
  CHECK(encoded(*q3, kDorefaW) == Codes{6, 2, 4, 0, 6, 3, 5, 1});
  CHECK(near(quantized(*q3, kDorefaW),
             {5.0 / 7, -3.0 / 7, 1.0 / 7, -1, 5.0 / 7, -1.0 / 7, 3.0 / 7, -5.0 / 7},
             1e-7));
}

TEST_CASE("dorefa: one-bit weights are signs times the layer's mean", "[dorefa]") {
  const auto q = weights("1");
  CHECK(near(quantized(*q, kDorefaW),
             {0.53, -0.53, 0.53, -0.53, 0.53, -0.53, 0.53, -0.53}, 1e-7));
  CHECK(gradient(*q, kDorefaW, kDorefaG) == kDorefaG);
  // One scale for all filters, and sign(0) = +1.
  const Values w = {0, -1, 3, -4};
  const auto two = calibrated("dorefa", {}, weight_site({2, 2}), w);
  CHECK(quantized(*two, w) == Values{2, -2, 2, -2});
}

TEST_CASE("dorefa: the weights' grid has no zero, and halves for zero points",
          "[dorefa]") {
  const auto grid = weights("2")->grid();
  REQUIRE(grid.uniform());
  CHECK(grid.uniform()->zero_point == Values{1.5f});
  CHECK(grid.level_count() == 4);
}

TEST_CASE("dorefa: the gradient passes tanh and the held maximum", "[dorefa]") {
  CHECK(near(
      gradient(*weights("2"), kDorefaW, kDorefaG),
      {0.056505, -0.198588, 0.347271, 0.119497, -0.412881, 0.696001, -0.755871, 0.589275},
      2e-6));
}

TEST_CASE("dorefa: through the maximum only its own element changes", "[dorefa]") {
  CHECK(near(gradient(*weights("2", "through"), kDorefaW, kDorefaG),
             {0.056505, -0.198588, 0.347271, -0.272472, -0.412881, 0.696001, -0.755871,
              0.589275},
             2e-6));
}

TEST_CASE("dorefa: the gradient is that of tanh(W) / max|tanh(W)|",
          "[dorefa][gradient]") {
  const auto w = normal_values(40, 21, 0.7f);
  const auto g = normal_values(40, 22);
  const auto q =
      calibrated("dorefa", params({{"weight_bits", "4"}, {"max_grad", "through"}}),
                 weight_site({4, 10}), w);
  const auto dw = gradient(*q, w, g);
  const auto loss = [&](const std::vector<double>& at) {
    double peak = 0, total = 0;
    for (const double v : at) peak = std::max(peak, std::fabs(std::tanh(v)));
    for (std::size_t i = 0; i < at.size(); ++i) total += g[i] * std::tanh(at[i]) / peak;
    return total;
  };
  const std::vector<double> at(w.begin(), w.end());
  for (std::size_t i = 0; i < at.size(); ++i) {
    auto up = at, down = at;
    up[i] += 1e-5;
    down[i] -= 1e-5;
    CAPTURE(i);
    CHECK_THAT(dw[i], WithinAbs((loss(up) - loss(down)) / 2e-5, 1e-5));  // float tanh
  }
}

TEST_CASE("dorefa: activations of 1, 2 and 3 bits, worked by hand", "[dorefa]") {
  CHECK(quantized(*inputs("1"), kX) == Values{0, 0, 0, 1, 1, 1, 1, 1});
  CHECK(near(quantized(*inputs("2"), kX), {0, 0, 1.0 / 3, 2.0 / 3, 1, 1, 1, 1}, 1e-7));
  CHECK(near(quantized(*inputs("3"), kX),
             {0, 1.0 / 7, 3.0 / 7, 4.0 / 7, 6.0 / 7, 1, 1, 1}, 1e-7));
}

TEST_CASE("dorefa: activations pass the gradient within [0, 1]", "[dorefa]") {
  CHECK(gradient(*inputs("2"), kX, kDorefaG) ==
        Values{0, -0.2f, 0.3f, 0.4f, -0.5f, 0, 0, 0});
}

TEST_CASE("dorefa: inputs may be folded or squashed instead of clipped", "[dorefa]") {
  CHECK(near(quantized(*inputs("2", "abs"), kX),
             {2.0 / 3, 0, 1.0 / 3, 2.0 / 3, 1, 1, 1, 1}, 1e-7));
  CHECK(gradient(*inputs("2", "abs"), kX, kDorefaG) ==
        Values{-0.1f, -0.2f, 0.3f, 0.4f, -0.5f, 0, 0, 0});

  // (tanh(-0.6) + 1) / 2 = 0.2315, tanh(0.1): 0.5498, ..., tanh(3): 0.9975.
  CHECK(encoded(*inputs("3", "tanh"), kX) == Codes{2, 4, 5, 5, 6, 6, 7, 7});
  const auto dx = gradient(*inputs("3", "tanh"), kX, kDorefaG);
  for (std::size_t i = 0; i < kX.size(); ++i) {
    const double slope = (1 - std::pow(std::tanh(double(kX[i])), 2)) / 2;
    CHECK_THAT(dx[i], WithinAbs(kDorefaG[i] * slope, 1e-6));
  }
}

TEST_CASE("dorefa: gradients for given noise, worked by hand", "[dorefa]") {
  const std::vector<double> sigma = {0.1, -0.4, 0.3, 0, -0.2, 0.45, -0.1, 0.25};
  const auto near_to = [](const std::vector<double>& y, const std::vector<double>& e) {
    return std::equal(y.begin(), y.end(), e.begin(), e.end(),
                      [](double a, double b) { return std::fabs(a - b) < 1e-6; });
  };
  CHECK(near_to(quantized_gradient(kDorefaG, sigma, 2),
                {0.266667, -0.266667, 0.266667, 0.266667, -0.8, 0.8, -0.8, 0.8}));
  CHECK(near_to(quantized_gradient(kDorefaG, sigma, 4),
                {0.16, -0.266667, 0.373333, 0.373333, -0.48, 0.693333, -0.693333, 0.8}));
}

TEST_CASE("dorefa: gradients are the formula's, image by image", "[dorefa]") {
  const auto g = normal_values(3 * 50, 8, 0.01f);
  const auto draw = RandomStream(1, "conv1/gradient").substream(9);
  const auto y =
      quantized(*gradients("4"), g, {.training = true, .step = 9, .images = 3});
  for (std::size_t image = 0; image < 3; ++image) {
    const std::size_t begin = image * 50;
    const Values own(g.begin() + long(begin), g.begin() + long(begin) + 50);
    std::vector<double> sigma;
    for (std::size_t i = begin; i < begin + 50; ++i) {
      sigma.push_back(double(draw.uniform_at(std::uint32_t(i))) - 0.5);
    }
    const Values mine(y.begin() + long(begin), y.begin() + long(begin) + 50);
    CHECK(near(mine, quantized_gradient(own, sigma, 4), 1e-7));
  }
}

TEST_CASE("dorefa: noise makes small gradients right in the mean", "[dorefa]") {
  Values g(20000, 0.1f);
  g[0] = 1;
  const auto y = quantized(*gradients("2"), g, {.training = true});
  double total = 0;
  for (std::size_t i = 1; i < y.size(); ++i) total += y[i];
  // Levels are 2/3 apart: five standard deviations of at most a third each.
  CHECK_THAT(total / 19999, WithinAbs(0.1, 5.0 / 3 / std::sqrt(19999.0)));
}

TEST_CASE("dorefa: a gradient of zeros stays zero", "[dorefa]") {
  CHECK(quantized(*gradients("4"), Values(8, 0), {.training = true}) == Values(8, 0));
}

TEST_CASE("dorefa: a slice of the batch draws what the batch draws there", "[dorefa]") {
  const auto g = normal_values(4 * 6, 8);
  const auto q = gradients("3");
  const auto whole = quantized(*q, g, {.training = true, .step = 2, .images = 4});
  const Values half(g.begin() + 12, g.end());
  const auto slice =
      quantized(*q, half, {.training = true, .step = 2, .offset = 12, .images = 2});
  CHECK(std::equal(slice.begin(), slice.end(), whole.begin() + 12));
  CHECK(quantized(*q, g, {.training = true, .step = 3, .images = 4}) != whole);
}

TEST_CASE("dorefa: which sites it quantizes", "[dorefa]") {
  CHECK(quantizer_for("dorefa", {}, value_site(Role::kGradient, 8)) == nullptr);
  CHECK(quantizer_for("dorefa", {}, value_site(Role::kOutput, 8)) == nullptr);
  CHECK(quantizer_for("dorefa", {}, value_site(Role::kBias, 8)) == nullptr);
  CHECK(quantizer_for("dorefa", {}, value_site(Role::kInput, 8)) != nullptr);
}

TEST_CASE("dorefa: what is rounded is tanh(W) over its largest, or h(x)", "[dorefa]") {
  const auto w =
      calibrated("dorefa", params({{"weight_bits", "3"}}), weight_site({1, 8}), kW8);
  std::vector<double> expected;
  for (const float v : kW8) expected.push_back(std::tanh(double(v)) / std::tanh(1.3));
  CHECK(near(transformed(*w, kW8), expected, 1e-6));
  const auto folded =
      quantizer_for("dorefa", params({{"bound", "abs"}}), value_site(Role::kInput, 8));
  CHECK(transformed(*folded, {-0.5f, 0.25f}) == Values{0.5f, 0.25f});
}
