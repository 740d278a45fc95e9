#include <cmath>

#include <catch2/catch.hpp>

#include "tests/methods/quantizers.h"

using namespace bitsweep;
using namespace bitsweep::testing;
using Catch::Matchers::WithinAbs;

namespace {

// One filter of mean magnitude 0.53.
const Values kBwnW = {0.9f, -0.4f, 0.05f, -1.3f, 0.6f, -0.02f, 0.27f, -0.7f};
const Values kBwnG = {0.1f, -0.2f, 0.3f, 0.4f, -0.5f, 0.6f, -0.7f, 0.8f};

RawParams uncentred(const char* grad = "exact", const char* alpha = "filter") {
  return params({{"center", "false"}, {"ste", grad}, {"group", alpha}});
}

// The function that `exact` differentiates, at W: sign's residual is held at W0, where it
// was rounded, so that sign(V) moves as V does inside (-1, 1); alpha moves with |V|.
std::vector<double> claimed(const Values& w0, const std::vector<double>& w,
                            std::size_t filters, std::size_t inputs, bool per_layer) {
  const std::size_t size = w.size() / filters;
  std::vector<double> v(w.size()), v0(w.size()), alpha(filters), y(w.size());
  for (std::size_t begin = 0; begin < w.size(); begin += inputs) {
    double mean = 0, mean0 = 0;
    for (std::size_t i = begin; i < begin + inputs; ++i) mean += w[i], mean0 += w0[i];
    for (std::size_t i = begin; i < begin + inputs; ++i) {
      v[i] = w[i] - mean / double(inputs);
      v0[i] = w0[i] - mean0 / double(inputs);
      alpha[i / size] += std::fabs(v[i]) / double(size);
    }
  }
  if (per_layer) {
    double mean = 0;
    for (const double a : alpha) mean += a / double(filters);
    for (double& a : alpha) a = mean;
  }
  for (std::size_t i = 0; i < w.size(); ++i) {
    const double moved = std::fabs(v0[i]) < 1 ? v[i] - v0[i] : 0;
    y[i] = alpha[i / size] * ((v0[i] >= 0 ? 1 : -1) + moved);
  }
  return y;
}

}  // namespace

TEST_CASE("bwn: a filter is its signs times its mean magnitude", "[bwn]") {
  const auto q = calibrated("bwn", uncentred(), weight_site({1, 8}), kBwnW);
  const auto y = quantized(*q, kBwnW);
  CHECK(near(y, {0.53, -0.53, 0.53, -0.53, 0.53, -0.53, 0.53, -0.53}, 1e-7));
  double squares = 0;
  for (std::size_t i = 0; i < 8; ++i) squares += std::pow(double(kBwnW[i]) - y[i], 2);
  CHECK_THAT(squares, WithinAbs(1.3386, 1e-6));
}

TEST_CASE("bwn: the sign of 0 is +1", "[bwn]") {
  const Values w = {0, -0.0f, 1, -1};
  const auto q = calibrated("bwn", uncentred(), weight_site({1, 4}), w);
  CHECK(quantized(*q, w) == Values{0.5f, 0.5f, 0.5f, -0.5f});
}

TEST_CASE("bwn: uncentred, quantizing twice changes nothing and order is kept", "[bwn]") {
  const auto w = normal_values(96, 3);
  const auto q = calibrated("bwn", uncentred(), weight_site({4, 24}), w);
  const auto once = quantized(*q, w);
  CHECK(quantized(*q, once) == once);
}

TEST_CASE("bwn: the paper's gradient, worked by hand", "[bwn]") {
  // (1/8 + 0.53) G, but 1/8 G where |W| > 1.
  const auto q = calibrated("bwn", uncentred("paper"), weight_site({1, 8}), kBwnW);
  CHECK(near(gradient(*q, kBwnW, kBwnG),
             {0.0655, -0.131, 0.1965, 0.05, -0.3275, 0.393, -0.4585, 0.524}, 1e-6));
}

TEST_CASE("bwn: the exact gradient, worked by hand", "[bwn]") {
  // sum(G sign(W)) = -2.4, an eighth of it along the signs.
  const auto q = calibrated("bwn", uncentred("exact"), weight_site({1, 8}), kBwnW);
  CHECK(near(gradient(*q, kBwnW, kBwnG),
             {-0.247, 0.194, -0.141, 0.3, -0.565, 0.618, -0.671, 0.724}, 1e-6));
}

TEST_CASE("bwn: the identity gradient takes alpha for a constant", "[bwn]") {
  const auto q = calibrated("bwn", uncentred("identity"), weight_site({1, 8}), kBwnW);
  CHECK(gradient(*q, kBwnW, kBwnG) == kBwnG);
}

TEST_CASE("bwn: the exact gradient is that of the function it claims",
          "[bwn][gradient]") {
  const auto* alpha = GENERATE("filter", "layer");
  const bool center = GENERATE(true, false);
  CAPTURE(alpha, center);
  const std::vector<int> shape = {2, 2, 1, 3};
  const auto w = normal_values(12, 11, 0.8f);
  const auto g = normal_values(12, 12);
  const auto q =
      calibrated("bwn", params({{"group", alpha}, {"center", center ? "true" : "false"}}),
                 weight_site(shape), w);
  const auto dw = gradient(*q, w, g);

  // Uncentred is centred over one input at a time, with a mean of 0: compare by hand.
  const auto loss = [&](const std::vector<double>& at) {
    std::vector<double> y;
    if (center) {
      y = claimed(w, at, 2, 3, alpha == std::string("layer"));
    } else {
      std::vector<double> mirrored;  // v, -v has the mean 0 and the same magnitudes
      Values w0;
      for (std::size_t i = 0; i < at.size(); ++i) {
        mirrored.insert(mirrored.end(), {at[i], -at[i]});
        w0.insert(w0.end(), {w[i], -w[i]});
      }
      const auto both = claimed(w0, mirrored, 2, 2, alpha == std::string("layer"));
      for (std::size_t i = 0; i < both.size(); i += 2) y.push_back(both[i]);
    }
    double total = 0;
    for (std::size_t i = 0; i < y.size(); ++i) total += y[i] * double(g[i]);
    return total;
  };
  const std::vector<double> at(w.begin(), w.end());
  for (std::size_t i = 0; i < at.size(); ++i) {
    auto up = at, down = at;
    up[i] += 1e-5;
    down[i] -= 1e-5;
    CAPTURE(i);
    CHECK_THAT(dw[i], WithinAbs((loss(up) - loss(down)) / 2e-5, 1e-5));  // float sums
  }
}

TEST_CASE("bwn: each kernel position is centred over the input channels", "[bwn]") {
  // Two positions of two channels, means 2 and -1: V = -1, 1, -2, 2, alpha 1.5.
  const Values w = {1, 3, -3, 1};
  const auto q = calibrated("bwn", {}, weight_site({1, 2, 1, 2}), w);
  CHECK(quantized(*q, w) == Values{-1.5f, 1.5f, -1.5f, 1.5f});
  CHECK(encoded(*q, w) == Codes{0, 1, 0, 1});
}

TEST_CASE("bwn: a filter of one input channel is not centred", "[bwn]") {
  const Values w = {1, 3, -3, 1};
  const auto q = calibrated("bwn", {}, weight_site({1, 2, 2, 1}), w);
  CHECK(quantized(*q, w) == Values{2, 2, -2, 2});
}

TEST_CASE("bwn: one scale a layer is the mean over all filters", "[bwn]") {
  const Values w = {1, -1, 3, -3};
  const auto site = weight_site({2, 2});
  const auto filter = calibrated("bwn", uncentred(), site, w);
  CHECK(quantized(*filter, w) == Values{1, -1, 3, -3});
  CHECK(filter->grid().scale_count() == 2);
  const auto layer = calibrated("bwn", uncentred("exact", "layer"), site, w);
  CHECK(quantized(*layer, w) == Values{2, -2, 2, -2});
  CHECK(layer->grid().scale_count() == 1);
}

TEST_CASE("bwn: latent weights are clipped after a step, unless told not to", "[bwn]") {
  Values w = {-2, 0.5f, 1.5f};
  const auto clips = quantizer_for("bwn", {}, weight_site({1, 3}));
  as<ChangesLatent>(*clips).after_step(w);
  CHECK(w == Values{-1, 0.5f, 1});

  w = {-2, 0.5f, 1.5f};
  const auto leaves =
      quantizer_for("bwn", params({{"clip_w", "0"}}), weight_site({1, 3}));
  as<ChangesLatent>(*leaves).after_step(w);
  CHECK(w == Values{-2, 0.5f, 1.5f});
}

TEST_CASE("bwn: what is rounded are the centred weights", "[bwn]") {
  // Two input channels of one position: their mean is 0.4.
  const auto q = calibrated("bwn", {}, weight_site({1, 1, 1, 2}), {0.3f, 0.5f});
  CHECK(near(transformed(*q, {0.3f, 0.5f}), {-0.1, 0.1}, 1e-7));
}
