#include "framework/quant/affine.h"

#include <cmath>

#include <catch2/catch.hpp>

#include "framework/core/error.h"
#include "framework/quant/encoded.h"
#include "tests/methods/quantizers.h"

using namespace bitsweep;
using namespace bitsweep::testing;

namespace {

// From here on worked numbers of the literature's example vectors.
const Values kSpread = {-1.2f, -0.51f, 0, 0.013f, 0.4f, 1.03f, 2, 2.6f};
const Values kW = {0.31f, -0.05f, 0.127f, -0.443f, 0, 0.2f, -0.0078f, 0.36f};

// By its values' decimals, unless a test says more.
constexpr double kDecimals = 6e-9 + 2e-7;  // and float32's own error

RawParams with(std::initializer_list<std::pair<const char*, const char*>> pairs) {
  return params(pairs);
}

// Of unsigned codes that were calibrated on `ends`.
std::unique_ptr<Quantizer> on_range(const Values& ends, const char* bits) {
  return calibrated("affine",
                    with({{"activation_bits", bits},
                          {"order", "tensorflow"},
                          {"rounding", "half_away"}}),
                    value_site(Role::kInput, ends.size()), ends);
}

// Of one layer of weights with one scale.
std::unique_ptr<Quantizer> on_layer(const Values& w, RawParams raw) {
  raw["group"] = RawValue::scalar("layer");
  return calibrated("affine", raw, weight_site({1, int(w.size())}), w);
}

}  // namespace

// One neuron: inputs over [-1, 2], weights over 0.443, a bias of 0.25.
TEST_CASE("affine: a bias is a whole number of the sum's step, worked", "[affine]") {
  const Values x = {-1, 0.4f, 2, 0.013f}, w = {0.31f, -0.05f, 0.127f, -0.443f};
  const RawParams raw = with({{"activation_codes", "signed"},
                              {"order", "tensorflow"},
                              {"rounding", "half_away"}});
  const auto inputs = calibrated("affine", raw, value_site(Role::kInput, 4), x);
  const auto weights = calibrated("affine", raw, weight_site({1, 4}), w);
  const auto bias = calibrated("affine", raw, value_site(Role::kBias, 1), {0.25f});
  dynamic_cast<FollowsProduct&>(*bias).follow(inputs->grid(), weights->grid());
  CHECK(encoded(*inputs, x) == Codes{-128, -9, 127, -42});
  CHECK(encoded(*weights, w) == Codes{89, -14, 36, -127});
  CHECK(encoded(*bias, {0.25f}) == Codes{6092});
  // 4044: the sum of w (x + 43), and the bias.
  const Codes qx = encoded(*inputs, x), qw = encoded(*weights, w);
  std::int32_t sum = 6092;
  for (std::size_t i = 0; i < 4; ++i) sum += qw[i] * (qx[i] + 43);
  CHECK(sum == 4044);
  const Grid grid = bias->grid();
  CHECK(grid.bits() == 32);
  CHECK(grid.scale_count() == 0);
  CHECK(quantized(*bias, {0.25f}) == Values{grid.scales().front() * 6092});
  CHECK(quantized(*bias, {0.25f}, {.training = true}) == Values{0.25f});
}

TEST_CASE("affine: biases have a step for each filter", "[affine]") {
  const auto inputs = on_range({0, 2.55f}, "8");
  const auto weights =
      calibrated("affine", {}, weight_site({2, 2}), {1.27f, 0, -0.5f, 0.254f});
  const auto bias = calibrated("affine", {}, value_site(Role::kBias, 2), {0.1f, -0.1f});
  dynamic_cast<FollowsProduct&>(*bias).follow(inputs->grid(), weights->grid());
  // Steps of 0.01 * 0.01 and of 0.01 * 0.5 / 127.
  CHECK(encoded(*bias, {0.1f, -0.1f}) == Codes{1000, -2540});
  for (const char* name : {"weight_bits", "activation_bits"}) {
    RawParams raw = with({{name, "32"}});
    CHECK(builtin_methods().at("affine").make(raw)->quantizer(
              value_site(Role::kBias, 2)) == nullptr);
  }
}

TEST_CASE("affine: eight and four bits over [-1, 2], worked", "[affine]") {
  const auto wide = on_range({-1, 2}, "8");
  CHECK(encoded(*wide, kSpread) == Codes{0, 42, 85, 86, 119, 173, 255, 255});
  CHECK(near(quantized(*wide, kSpread),
             {-1, -0.50588235, 0, 0.01176471, 0.4, 1.03529412, 2, 2}, kDecimals));
  const auto narrow = on_range({-1, 2}, "4");
  CHECK(encoded(*narrow, kSpread) == Codes{0, 2, 5, 5, 7, 10, 15, 15});
  CHECK(gradient(*narrow, kSpread, Values(8, 1)) == Values{0, 1, 1, 1, 1, 1, 1, 0});
}

TEST_CASE("affine: a range is moved so that 0 has a code, worked", "[affine]") {
  const auto wide = on_range({-0.97f, 2.1f}, "8");
  const Grid grid = wide->grid();
  CHECK(grid.uniform()->zero_point == std::vector<float>{81});
  CHECK(near(quantized(*wide, kSpread),
             {-0.97517647, -0.50564706, 0, 0.01203922, 0.39729412, 1.03537255, 1.9985098,
              2.09482353},
             kDecimals));
  CHECK(near(
      quantized(*on_range({-0.97f, 2.1f}, "4"), kSpread),
      {-1.02333333, -0.40933333, 0, 0, 0.40933333, 1.02333333, 2.04666667, 2.04666667},
      kDecimals));
}

TEST_CASE("affine: signed codes of one neuron, worked", "[affine]") {
  const Values x = {-1, 0.4f, 2, 0.013f};
  const auto q = calibrated("affine", with({{"activation_codes", "signed"}}),
                            value_site(Role::kInput, 4), x);
  CHECK(encoded(*q, x) == Codes{-128, -9, 127, -42});
  CHECK(q->grid().uniform()->zero_point == std::vector<float>{-43});
}

TEST_CASE("affine: each filter has its own scale, worked", "[affine]") {
  const Values w = {0.31f, -0.05f, 0.127f, -0.443f, 2, -0.5f, 1.1f, -1.27f};
  const auto q = calibrated("affine", {}, weight_site({2, 4}), w);
  CHECK(encoded(*q, w) == Codes{89, -14, 36, -127, 127, -32, 70, -81});
  CHECK(near(q->grid().scales(), {0.00348819, 0.01574803}, 6e-9));
}

TEST_CASE("affine: 127 and 127.5 give other codes, worked", "[affine]") {
  CHECK(encoded(*on_layer(kW, {}), kW) == Codes{89, -14, 36, -127, 0, 57, -2, 103});
  CHECK(
      encoded(*on_layer(kW, with({{"weight_codes", "signed"}, {"scale", "half_range"}})),
              kW) == Codes{89, -14, 37, -128, 0, 58, -2, 104});
}

TEST_CASE("affine: a narrower range leaves out a bit, worked", "[affine]") {
  const Values x = {0, 0.7f, 1.5f, 3, 6.2f};
  const auto q = calibrated("affine", with({{"reduce_range", "true"}}),
                            value_site(Role::kInput, 5, false), x);
  CHECK(near(quantized(*q, x), {0, 0.6835, 1.5134, 2.9780, 6.2}, 6e-5));
  CHECK(q->grid().high_code() == 127);
  CHECK(q->grid().bits() == 7);
}

TEST_CASE("affine: symmetric unsigned codes have 0 in the middle, worked", "[affine]") {
  const auto q = calibrated(
      "affine", with({{"activation_scheme", "symmetric"}, {"scale", "half_range"}}),
      value_site(Role::kInput, 2, false), {0, 6.2f});
  CHECK(q->grid().uniform()->zero_point == std::vector<float>{128});
  CHECK(near(q->grid().scales(), {0.0486275}, 6e-8));
}

TEST_CASE("affine: sixteen bits of inputs beside eight of weights", "[affine]") {
  const auto q = calibrated("affine",
                            with({{"activation_bits", "16"},
                                  {"activation_scheme", "symmetric"},
                                  {"activation_codes", "restricted"}}),
                            value_site(Role::kInput, 3), {-3, 1, 2});
  CHECK(encoded(*q, {-3, 3, 9}) == Codes{-32767, 32767, 32767});
  CHECK(q->grid().scales().front() == 3.0f / 32767);
}

TEST_CASE("affine: ties fall as the order and the rounding say", "[affine]") {
  // x / s is -2.5 exactly, z is 5.
  const UniformQuantization q{.scale = 0.25f, .zero_point = 5, .low = 0, .high = 15};
  const auto code = [&](Rounding rounding, CodeOrder order) {
    AffineCodes codes;
    codes.rounding = rounding;
    codes.order = order;
    return with_code(codes, [&](auto of) { return of(-0.625f, q); });
  };
  CHECK(code(Rounding::kHalfAway, CodeOrder::kOnnx) == 2);
  CHECK(code(Rounding::kHalfAway, CodeOrder::kTensorflow) == 3);
  CHECK(code(Rounding::kHalfEven, CodeOrder::kPytorch) == 3);
  CHECK(code(Rounding::kHalfEven, CodeOrder::kTensorflow) == 2);
  CHECK(code(Rounding::kHalfUp, CodeOrder::kTensorflow) == 3);
}

TEST_CASE("affine: blocks of weights have scales of their own", "[affine]") {
  const Values w = {1, -0.5f, 10, 4, 0.1f, 0, -2, 1};
  const auto raw = with({{"group", "block"}, {"group_size", "2"}});
  const auto q = calibrated("affine", raw, weight_site({2, 4}), w);
  CHECK(q->grid().scales() ==
        std::vector<float>{1.0f / 127, 10.0f / 127, 0.1f / 127, 2.0f / 127});
  CHECK(encode(*q, w).values() == quantized(*q, w));
  CHECK(encode(*q, w).nominal_bits().scales == 4 * 32);
  // A filter of fewer weights than a block is one.
  CHECK(quantizer_for("affine", with({{"group", "block"}}), weight_site({2, 4}))
            ->grid()
            .scale_count() == 2);
  CHECK_THROWS_AS(quantizer_for("affine", with({{"group", "block"}, {"group_size", "3"}}),
                                weight_site({2, 4})),
                  ConfigError);
}

TEST_CASE("affine: weights may keep the scales of calibration", "[affine]") {
  const Values before = {1, -0.5f}, after = {4, -0.5f};
  for (const bool follows : {true, false}) {
    const auto q =
        on_layer(before, with({{"follow_weights", follows ? "true" : "false"}}));
    q->prepare(after);
    CHECK(q->grid().scales().front() == (follows ? 4.0f : 1.0f) / 127);
  }
}

TEST_CASE("affine: a constant tensor keeps its value", "[affine]") {
  for (const float v : {0.0f, 3.0f, -3.0f}) {
    const Values x(5, v);
    const auto q = calibrated("affine", {}, value_site(Role::kInput, 5), x);
    // 255 steps of a 255th part of it.
    CHECK(near(quantized(*q, x), std::vector<double>(5, v), 3 * 1.2e-7));
  }
}

TEST_CASE("affine: each estimator gives a grid that holds most values", "[affine]") {
  auto x = normal_values(3000, 5);
  for (const auto& range : range_names()) {
    CAPTURE(range);
    RawParams raw = with({});
    raw["activation_range"] = RawValue::scalar(range);
    const auto y =
        quantized(*calibrated("affine", raw, value_site(Role::kInput, 3000), x), x);
    double error = 0, size = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      error += double(y[i] - x[i]) * double(y[i] - x[i]);
      size += double(x[i]) * double(x[i]);
    }
    CHECK(error < 0.01 * size);
  }
}

TEST_CASE("affine: dynamic scales are those of each image, worked", "[affine]") {
  const RawParams raw = with({{"activation_scales", "image"}});
  const auto q = quantizer_for("affine", raw, value_site(Role::kInput, 4));
  const Values x = {-1, 0.4f, 2, 0.013f, 0, 51, 25.5f, 10};
  CHECK(encoded(*q, x) == Codes{0, 119, 255, 86, 0, 255, 128, 50});
  const Encoded both = encode(*q, x);
  CHECK(both.grid.layout().channels == 2);
  CHECK(both.grid.scales() == std::vector<float>{3.0f / 255, 51.0f / 255});
  CHECK(both.grid.uniform()->zero_point == std::vector<float>{85, 0});
  CHECK(both.values() == quantized(*q, x));
  // Another image beside it changes nothing.
  const Values second(x.begin() + 4, x.end());
  CHECK(encoded(*q, second) == Codes{0, 255, 128, 50});
}

TEST_CASE("affine: dynamic codes of images of one value, and of none", "[affine]") {
  const auto q = quantizer_for("affine", with({{"activation_scales", "image"}}),
                               value_site(Role::kInput, 3));
  for (const float v : {0.0f, 3.0f, -3.0f, 1e30f, 1e-40f}) {
    const Values x(3, v);
    // 255 steps of a 255th part of it; nothing is left of what is below the normal
    // floats.
    const double expected = v == 1e-40f ? 0 : v;
    CHECK(
        near(quantized(*q, x), std::vector<double>(3, expected), std::fabs(v) * 1.2e-7));
    CHECK(encode(*q, x).values() == quantized(*q, x));
  }
  CHECK(encode(*q, Values{}).codes.empty());
}

TEST_CASE("affine: gradients pass where dynamic codes are not clamped", "[affine]") {
  const auto q = quantizer_for("affine", with({{"activation_scales", "image"}}),
                               value_site(Role::kInput, 4));
  CHECK(gradient(*q, {-1, 0.4f, 2, 0}, {1, 2, 3, 4}) == Values{1, 2, 3, 4});
}
