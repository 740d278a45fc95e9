#include <cmath>

#include <catch2/catch.hpp>

#include "tests/methods/quantizers.h"

using namespace bitsweep;
using namespace bitsweep::testing;

namespace {

std::unique_ptr<Quantizer> made(const RawParams& raw, float wp, float wn) {
  auto q = calibrated("ttq", raw, weight_site({1, 8}), kW8);
  q->trainable()[0]->value[0] = wp;
  q->trainable()[1]->value[0] = wn;
  return q;
}

}  // namespace

TEST_CASE("ttq: weights and gradients, worked by hand", "[ttq]") {
  const auto q = made({}, 1.2f, 0.8f);  // threshold 0.065
  CHECK(quantized(*q, kW8) == Values{1.2f, -0.8f, 0, -0.8f, 1.2f, 0, 1.2f, -0.8f});
  CHECK(near(gradient(*q, kW8, kG8), {0.12, -0.16, 0.3, 0.32, -0.6, 0.6, -0.84, 0.64},
             1e-6));
  const auto learned = learned_gradients(*q, kW8, kG8);
  CHECK(learned[0] == Approx(-1.1));
  CHECK(learned[1] == Approx(-1.0));  // minus the sum over N
}

TEST_CASE("ttq: a larger threshold moves a weight to the zeros", "[ttq]") {
  const auto q = made(params({{"t", "0.23076923"}}), 1.2f, 0.8f);  // threshold 0.3
  CHECK(quantized(*q, kW8) == Values{1.2f, -0.8f, 0, -0.8f, 1.2f, 0, 0, -0.8f});
  const auto learned = learned_gradients(*q, kW8, kG8);
  CHECK(learned[0] == Approx(-0.4));
  CHECK(learned[1] == Approx(-1.0));
}

TEST_CASE("ttq: a share of the weights may be zero", "[ttq]") {
  const auto q = made(params({{"threshold", "sparsity"}, {"sparsity", "0.5"}}), 1, 1);
  CHECK(quantized(*q, kW8) == Values{1, 0, 0, -1, 1, 0, 0, -1});
}

TEST_CASE("ttq: sizes begin at 1, or at the mean of their weights", "[ttq]") {
  const auto start = [](const char* init) {
    const auto q = calibrated("ttq", params({{"init", init}}), weight_site({1, 8}), kW8);
    return std::pair(q->trainable()[0]->value[0], q->trainable()[1]->value[0]);
  };
  CHECK(start("one") == std::pair(1.0f, 1.0f));
  CHECK(start("mean").first == Approx((0.9 + 0.6 + 0.27) / 3));
  CHECK(start("mean").second == Approx((0.4 + 1.3 + 0.7) / 3));
}

TEST_CASE("ttq: gradients of the sizes are those of the ternary weights", "[ttq]") {
  const auto loss = [](float wp, float wn) {
    const auto y = quantized(*made({}, wp, wn), kW8);
    double sum = 0;
    for (std::size_t i = 0; i < 8; ++i) sum += double(kG8[i]) * y[i];
    return sum;
  };
  const float h = 0.0625f;
  const auto learned = learned_gradients(*made({}, 1.25f, 0.75f), kW8, kG8);
  CHECK(
      learned[0] ==
      Approx((loss(1.25f + h, 0.75f) - loss(1.25f - h, 0.75f)) / (2 * h)).epsilon(1e-5));
  CHECK(
      learned[1] ==
      Approx((loss(1.25f, 0.75f + h) - loss(1.25f, 0.75f - h)) / (2 * h)).epsilon(1e-5));
}

TEST_CASE("ttq: the mean is the sum over a class's weights", "[ttq]") {
  const auto q = made(params({{"grad_reduce", "mean"}}), 1.2f, 0.8f);
  const auto learned = learned_gradients(*q, kW8, kG8);
  CHECK(learned[0] == Approx(-1.1 / 3));
  CHECK(learned[1] == Approx(-1.0 / 3));
}

TEST_CASE("ttq: the sizes stay positive", "[ttq]") {
  const auto q = quantizer_for("ttq", {}, weight_site({1, 8}));
  REQUIRE(q->trainable().size() == 2);
  CHECK(q->trainable()[0]->name == "conv1/weight.wp");
  CHECK(q->trainable()[1]->name == "conv1/weight.wn");
  for (const Parameter* size : q->trainable()) CHECK(size->minimum == 1e-4f);
}
