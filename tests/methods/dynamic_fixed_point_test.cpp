#include <cmath>

#include <catch2/catch.hpp>

#include "framework/engine/rounding.h"
#include "tests/methods/quantizers.h"

using namespace bitsweep;
using namespace bitsweep::testing;

namespace {

constexpr auto kId = "dynamic_fixed_point";

// max|W| = 0.443: il = ceil(log2(0.443) + 1) = 0.
const Values kDynamicFixedPointW = {0.31f, -0.05f, 0.127f,   -0.443f,
                                    0,     0.2f,   -0.0078f, 0.36f};
// max = 19.4: il = ceil(log2(19.4)) = 5.
const Values kA = {0, 1.7f, 3.2f, 12.9f, 0.45f, 6.6f, 19.4f, 2.5f};

RawParams bits(const char* width) {
  return params({{"weight_bits", width}, {"activation_bits", width}});
}

float step(const Quantizer& q) { return q.grid().uniform()->scale.front(); }

}  // namespace

TEST_CASE("dynamic fixed point: weights of 8, 4 and 2 bits, worked by hand", "[dfp]") {
  const auto site = weight_site({1, 8});
  const auto q8 = calibrated(kId, bits("8"), site, kDynamicFixedPointW);
  CHECK(encoded(*q8, kDynamicFixedPointW) == Codes{79, -13, 33, -113, 0, 51, -2, 92});
  CHECK(quantized(*q8, kDynamicFixedPointW) ==
        Values{0.30859375f, -0.05078125f, 0.12890625f, -0.44140625f, 0, 0.19921875f,
               -0.0078125f, 0.359375f});
  const auto q4 = calibrated(kId, bits("4"), site, kDynamicFixedPointW);
  CHECK(encoded(*q4, kDynamicFixedPointW) == Codes{5, -1, 2, -7, 0, 3, 0, 6});
  CHECK(step(*q4) == 1.0f / 16);
  const auto q2 = calibrated(kId, bits("2"), site, kDynamicFixedPointW);
  CHECK(encoded(*q2, kDynamicFixedPointW) == Codes{1, 0, 1, -2, 0, 1, 0, 1});
  CHECK(step(*q2) == 1.0f / 4);
}

TEST_CASE("dynamic fixed point: activations get one integer bit fewer", "[dfp]") {
  const auto site = value_site(Role::kInput, 8, false);
  const auto q8 = calibrated(kId, bits("8"), site, kA);
  CHECK(quantized(*q8, kA) ==
        Values{0, 1.75f, 3.25f, 12.875f, 0.5f, 6.625f, 15.875f, 2.5f});
  const auto q4 = calibrated(kId, bits("4"), site, kA);  // fl = -1
  CHECK(quantized(*q4, kA) == Values{0, 2, 4, 12, 0, 6, 14, 2});
  CHECK(step(*q4) == 2);
}

TEST_CASE("dynamic fixed point: outputs are quantized as inputs are", "[dfp]") {
  const auto q = calibrated(kId, bits("8"), value_site(Role::kOutput, 8), kA);
  CHECK(step(*q) == 1.0f / 8);
}

TEST_CASE("dynamic fixed point: stochastic codes for given draws", "[dfp]") {
  const Values u = {0.10f, 0.90f, 0.45f, 0.20f, 0.50f, 0.70f, 0.30f, 0.95f};
  const Values expected = {5, 0, 2, -7, 0, 3, 0, 6};
  for (std::size_t i = 0; i < kDynamicFixedPointW.size(); ++i) {
    CHECK(round_stochastic(kDynamicFixedPointW[i] * 16, u[i]) == expected[i]);
  }
}

TEST_CASE("dynamic fixed point: weights in training draw from their site's stream",
          "[dfp]") {
  const auto q = calibrated(kId, bits("4"), weight_site({1, 8}), kDynamicFixedPointW);
  const auto draw = RandomStream(1, "conv1/weight").substream(3);
  Values expected;
  for (std::size_t i = 0; i < kDynamicFixedPointW.size(); ++i) {
    const float u = draw.uniform_at(std::uint32_t(i));
    expected.push_back(std::floor(kDynamicFixedPointW[i] * 16 + u) / 16);
  }
  CHECK(quantized(*q, kDynamicFixedPointW, {.training = true, .step = 3}) == expected);
  CHECK(gradient(*q, kDynamicFixedPointW, kA) == kA);  // straight through, no mask

  const auto nearest =
      calibrated(kId, params({{"weight_bits", "4"}, {"training_rounding", "nearest"}}),
                 weight_site({1, 8}), kDynamicFixedPointW);
  CHECK(quantized(*nearest, kDynamicFixedPointW, {.training = true}) ==
        quantized(*nearest, kDynamicFixedPointW));
}

TEST_CASE("dynamic fixed point: activations stay float in training, unless asked",
          "[dfp]") {
  const auto site = value_site(Role::kInput, 8);
  const auto paper = calibrated(kId, bits("4"), site, kA);
  CHECK(quantized(*paper, kA, {.training = true}) == kA);
  CHECK(gradient(*paper, kA, kA) == kA);

  auto raw = bits("4");
  raw["quantize_activations_in_training"] = RawValue::scalar("true");
  const auto asked = calibrated(kId, raw, site, kA);
  CHECK(quantized(*asked, kA, {.training = true}) == quantized(*asked, kA));
  CHECK(gradient(*asked, kA, kA)[6] == 0);  // 19.4 saturates at 14
  CHECK(gradient(*asked, kA, kA)[3] == kA[3]);
}

TEST_CASE("dynamic fixed point: a power of two is its own ceiling", "[dfp]") {
  // Weights: il = ceil(-1 + 1) = 0, so 0.5 saturates at 127/256; activations: il = 2.
  const auto q = calibrated(kId, bits("8"), weight_site({1, 2}), {0.5f, -0.5f});
  CHECK(quantized(*q, {0.5f, -0.5f}) == Values{127.0f / 256, -0.5f});
  const auto a = calibrated(kId, bits("8"), value_site(Role::kInput, 2), {4, 0});
  CHECK(step(*a) == std::ldexp(1.0f, 2 - 8));
}

TEST_CASE("dynamic fixed point: the binary point may lie outside the code", "[dfp]") {
  // il = ceil(log2(0.001) + 1) = -8, fl = 12 for 4 bits.
  const auto q = calibrated(kId, bits("4"), weight_site({1, 1}), {0.001f});
  CHECK(step(*q) == std::ldexp(1.0f, -12));
}

TEST_CASE("dynamic fixed point: a dead layer has one integer bit", "[dfp]") {
  const auto q = calibrated(kId, bits("8"), weight_site({1, 3}), {0, 0, 0});
  CHECK(step(*q) == std::ldexp(1.0f, 1 - 8));
}

TEST_CASE("dynamic fixed point: ranges are those of all calibration batches", "[dfp]") {
  const auto q = quantizer_for(kId, bits("8"), value_site(Role::kInput, 1));
  q->calibrate(Values{1});
  q->calibrate(Values{-9});
  q->calibrate(Values{3});
  q->finish_calibration();
  CHECK(step(*q) == std::ldexp(1.0f, 4 - 8));
}

TEST_CASE("dynamic fixed point: fine-tuning keeps the weights' binary point", "[dfp]") {
  const auto q = calibrated(kId, bits("8"), weight_site({1, 2}), {0.3f, 0.2f});
  const float before = step(*q);
  q->prepare(Values{3, 2});
  CHECK(step(*q) == before);
}

TEST_CASE("dynamic fixed point: a bias has its own binary point", "[dfp]") {
  const auto q = calibrated(kId, bits("8"), value_site(Role::kBias, 2), {3, -1});
  CHECK(step(*q) == std::ldexp(1.0f, 3 - 8));
}

TEST_CASE("dynamic fixed point: unsigned inputs use the sign's codes", "[dfp]") {
  auto raw = bits("8");
  raw["unsigned_inputs"] = RawValue::scalar("true");
  const auto q = calibrated(kId, raw, value_site(Role::kInput, 8, false), kA);
  CHECK(q->grid().low_code() == 0);
  CHECK(q->grid().high_code() == 255);
  CHECK(quantized(*q, {19.4f}) == Values{19.375f});  // within 2^5
  const auto still = calibrated(kId, raw, value_site(Role::kInput, 8, true), kA);
  CHECK(still->grid().low_code() == -128);
}

TEST_CASE("dynamic fixed point: ties go as the rounding says", "[dfp]") {
  const Values w = {0.5f / 128, 0.6f};  // il = 1, step 1/128: half a step
  const auto even = calibrated(kId, bits("8"), weight_site({1, 2}), w);
  CHECK(encoded(*even, w)[0] == 0);
  auto raw = bits("8");
  raw["rounding"] = RawValue::scalar("half_away");
  const auto away = calibrated(kId, raw, weight_site({1, 2}), w);
  CHECK(encoded(*away, w)[0] == 1);
  CHECK(quantized(*away, w)[0] == 1.0f / 128);
}
