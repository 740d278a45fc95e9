// Quantizers and stages of int8_training, on worked numbers.
#include <cmath>

#include <catch2/catch.hpp>

#include "tests/methods/quantizers.h"

using namespace bitsweep;
using namespace bitsweep::testing;

namespace {

constexpr double kEightDecimals = 6e-9 + 2e-7;  // as printed, and float32's own error

std::unique_ptr<Quantizer> followed(RawParams raw, std::size_t size) {
  return quantizer_for("int8_training", raw, value_site(Role::kInput, size));
}

// One batch in two slices, as the network shows it.
void follow(Quantizer& quantizer, const Values& x) {
  auto& follows = as<FollowsBatches>(quantizer);
  std::vector<double> rows(2 * follows.measures());
  const std::size_t half = x.size() / 2;
  const auto all = std::span(x);
  follows.measure(all.first(half), std::span(rows).first(follows.measures()));
  follows.measure(all.subspan(half), std::span(rows).last(follows.measures()));
  follows.follow(rows);
}

// low and high of the range itself.
std::pair<float, float> range_of(Quantizer& quantizer) {
  const auto state = state_of(quantizer);
  return {state.at("low").front(), state.at("high").front()};
}

std::vector<std::string> stage_texts(const RawParams& raw) {
  std::vector<std::string> texts;
  for (const Stage& stage : builtin_methods().at("int8_training").make(raw)->stages()) {
    texts.push_back(stage.name +
                    (stage.steps > 0 ? " " + std::to_string(stage.steps) : ""));
  }
  return texts;
}

}  // namespace

TEST_CASE("int8_training: fake quantization over [-1, 2], worked", "[int8_training]") {
  const Values x = {-1.2f, -0.51f, 0, 0.013f, 0.4f, 1.03f, 2, 2.6f};
  const auto wide = followed({}, 2);
  follow(*wide, {-1, 2});
  CHECK(encoded(*wide, x) == Codes{0, 42, 85, 86, 119, 173, 255, 255});
  CHECK(near(quantized(*wide, x), {-1, -0.50588235, 0, 0.01176471, 0.4, 1.03529412, 2, 2},
             kEightDecimals));
  CHECK(gradient(*wide, x, Values(8, 1)) == Values{0, 1, 1, 1, 1, 1, 1, 0});
  const auto narrow = followed(params({{"activation_bits", "4"}}), 2);
  follow(*narrow, {-1, 2});
  CHECK(encoded(*narrow, x) == Codes{0, 2, 5, 5, 7, 10, 15, 15});
  CHECK(gradient(*narrow, x, Values(8, 1)) == Values{0, 1, 1, 1, 1, 1, 1, 0});
}

TEST_CASE("int8_training: a range is moved so that 0 has a code, worked",
          "[int8_training]") {
  const Values x = {-1.2f, -0.51f, 0, 0.013f, 0.4f, 1.03f, 2, 2.6f};
  const auto wide = followed({}, 2);
  follow(*wide, {-0.97f, 2.1f});
  CHECK(wide->grid().uniform()->zero_point == std::vector<float>{81});
  CHECK(near(quantized(*wide, x),
             {-0.97517647, -0.50564706, 0, 0.01203922, 0.39729412, 1.03537255, 1.9985098,
              2.09482353},
             kEightDecimals));
  // Signed codes are the unsigned ones, moved.
  const auto moved = followed(params({{"activation_codes", "signed"}}), 2);
  follow(*moved, {-0.97f, 2.1f});
  CHECK(moved->grid().uniform()->zero_point == std::vector<float>{81 - 128});
  CHECK(quantized(*moved, x) == quantized(*wide, x));
}

TEST_CASE("int8_training: weights are narrow, of a layer or a filter, worked",
          "[int8_training]") {
  const Values w = {0.31f, -0.05f, 0.127f, -0.443f, 2, -0.5f, 1.1f, -1.27f};
  const auto filters = calibrated("int8_training", {}, weight_site({2, 4}), w);
  CHECK(encoded(*filters, w) == Codes{89, -14, 36, -127, 127, -32, 70, -81});
  CHECK(near(filters->grid().scales(), {0.00348819, 0.01574803}, 6e-9));
  CHECK(gradient(*filters, w, w) == w);  // none is clipped
  const auto layer =
      calibrated("int8_training", params({{"group", "layer"}}), weight_site({2, 4}), w);
  CHECK(layer->grid().scale_count() == 1);
  CHECK(encoded(*layer, w)[4] == 127);
  layer->prepare(Values(8, 0.5f));  // training looks at them at each step
  CHECK(layer->grid().scales().front() == 0.5f / 127);
}

TEST_CASE("int8_training: ranges are moving averages, worked", "[int8_training]") {
  const auto q = followed(params({{"momentum", "0.99"}}), 2);
  for (const Values& batch : {Values{-1, 2}, Values{-2, 3}, Values{-0.5f, 1}}) {
    follow(*q, batch);
  }
  const auto [low, high] = range_of(*q);
  CHECK(low == Approx(-1.0049).epsilon(1e-6));
  CHECK(high == Approx(1.9999).epsilon(1e-6));
}

TEST_CASE("int8_training: an average begins where it is told", "[int8_training]") {
  const auto after_one = [](const char* start) {
    const auto q = followed(params({{"start", start}, {"momentum", "0.75"}}), 2);
    probe::calibrate(*q, {-4, 1});
    follow(*q, {-2, 3});
    const auto first = range_of(*q);
    follow(*q, {-2, 3});
    return std::pair(first, range_of(*q));
  };
  using Ranges = std::pair<std::pair<float, float>, std::pair<float, float>>;
  CHECK(after_one("first_batch") == Ranges{{-2, 3}, {-2, 3}});
  CHECK(after_one("calibration") == Ranges{{-3.5f, 1.5f}, {-3.125f, 1.875f}});
  CHECK(after_one("six") == Ranges{{-5, 5.25f}, {-4.25f, 4.6875f}});
}

TEST_CASE("int8_training: a batch on one side of 0 has a range that holds 0",
          "[int8_training]") {
  const auto q = followed({}, 2);
  follow(*q, {2, 5});
  CHECK(range_of(*q) == std::pair(0.0f, 5.0f));
  follow(*q, {std::nanf(""), std::nanf("")});  // the loss will tell
  CHECK(std::isfinite(range_of(*q).second));
}

TEST_CASE("int8_training: calibration alone gives the grid, too", "[int8_training]") {
  const auto q = calibrated("int8_training", params({{"start", "six"}}),
                            value_site(Role::kInput, 2), {-1, 2});
  CHECK(encoded(*q, {-1, 0, 2}) == Codes{0, 85, 255});
}

TEST_CASE("int8_training: learned thresholds end at a power of two, worked",
          "[int8_training]") {
  // max 1.3: log2 t = 0.379, s = 2 / 128.
  const auto q = calibrated("int8_training", params({{"ranges", "learned"}}),
                            value_site(Role::kInput, 3), {-1.3f, 0.5f, 1});
  CHECK(q->trainable()[0]->value[0] == Approx(std::log2(1.3)));
  CHECK(q->grid().scales() == std::vector<float>{0.015625f});
  CHECK(q->grid().low_code() == -128);
  // x / s = 0.64, -200, 130, 1.6: rounding 0.36 up, clipped below and above, 0.4 up.
  const Values x = {0.01f, -3.125f, 2.03125f, 0.025f};
  CHECK(encoded(*q, x) == Codes{1, -128, 127, 2});
  std::vector<double> sums;
  CHECK(propagated(*q, x, {1, 2, 3, 4}, sums) == Values{1, 0, 0, 4});
  CHECK(sums[0] == Approx(0.015625 * std::log(2) * (0.36 - 2 * 128 + 3 * 127 + 4 * 0.4))
                       .epsilon(1e-5));  // float terms
  // Weights never take -128; what cannot be negative has twice the codes.
  CHECK(calibrated("int8_training", params({{"ranges", "learned"}}), weight_site({2, 2}),
                   {1, -2, 3, 4})
            ->grid()
            .low_code() == -127);
  const auto rectified = calibrated("int8_training", params({{"ranges", "learned"}}),
                                    value_site(Role::kInput, 2, false), {0.25f, 2});
  CHECK(rectified->grid().high_code() == 255);
  CHECK(rectified->grid().scales() == std::vector<float>{2.0f / 256});
}

TEST_CASE("int8_training: delays cut the training", "[int8_training]") {
  using Texts = std::vector<std::string>;
  CHECK(stage_texts({}) == Texts{"calibrate", "train"});
  CHECK(stage_texts(params({{"delay", "100"}})) ==
        Texts{"calibrate", "float activations", "train 100", "quantized activations",
              "train"});
  CHECK(stage_texts(params({{"delay", "100"}, {"freeze_delay", "300"}})) ==
        Texts{"calibrate", "float activations", "train 100", "quantized activations",
              "train 200", "freeze batch normalisation", "train"});
  CHECK(stage_texts(params({{"freeze_delay", "0"}})) ==
        Texts{"calibrate", "freeze batch normalisation", "train"});
}
