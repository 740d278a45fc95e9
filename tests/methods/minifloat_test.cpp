#include <cmath>

#include <Eigen/Core>
#include <catch2/catch.hpp>

#include "tests/methods/quantizers.h"

using namespace bitsweep;
using namespace bitsweep::testing;

namespace {

const Values kV = {0.1f,    -0.3f, 0.5f, 1,     3.14159f, -0.0078f,
                   0.0079f, 255,   300,  -1000, 0,        496};

Values minifloat(const Values& x, const char* bits, const char* exponent_bits,
                 const char* rounding = "half_away") {
  const auto raw = params({{"activation_bits", bits},
                           {"weight_bits", bits},
                           {"exponent_bits", exponent_bits},
                           {"rounding", rounding}});
  return quantized(*quantizer_for("minifloat", raw, value_site(Role::kInput, x.size())),
                   x);
}

}  // namespace

TEST_CASE("minifloat: four exponent bits of eight, worked by hand", "[minifloat]") {
  // 496 saturates.
  CHECK(minifloat(kV, "8", "4") == Values{0.1015625f, -0.3125f, 0.5f, 1, 3.25f, 0,
                                          0.0078125f, 256, 288, -480, 0, 480});
}

TEST_CASE("minifloat: five exponent bits of eight, worked by hand", "[minifloat]") {
  CHECK(minifloat(kV, "8", "5") == Values{0.09375f, -0.3125f, 0.5f, 1, 3, -0.0078125f,
                                          0.0078125f, 256, 320, -1024, 0, 512});
}

TEST_CASE("minifloat: sixteen bits are half precision where both are normal",
          "[minifloat]") {
  auto x = normal_values(4000, 3, 30);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] *= std::exp2(float(i % 20) - 14);
  const auto y = minifloat(x, "16", "5", "half_even");
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (std::fabs(x[i]) < 0x1p-14f || std::fabs(x[i]) > 65504) continue;
    REQUIRE(y[i] == float(Eigen::half(x[i])));
  }
}

TEST_CASE("minifloat: ties go by the setting", "[minifloat]") {
  // 8 bits, 3 of mantissa: 1 + 1/16 lies between 1 and 1.125, 1 + 3/16 above it.
  CHECK(minifloat({1.0625f, 1.1875f}, "8", "4") == Values{1.125f, 1.25f});
  CHECK(minifloat({1.0625f, 1.1875f}, "8", "4", "half_even") == Values{1, 1.25f});
}

TEST_CASE("minifloat: zero has the pattern of the least negative value", "[minifloat]") {
  CHECK(minifloat({0x1p-7f, -0x1p-7f, 0, -0.0f}, "8", "4") == Values{0x1p-7f, 0, 0, 0});
  const auto q = quantizer_for("minifloat", {}, value_site(Role::kInput, 1));
  CHECK(q->grid().level_count() == 256);
}

TEST_CASE("minifloat: weights are drawn without bias in training", "[minifloat]") {
  const auto q = quantizer_for("minifloat", {}, weight_site({1, 2}));
  double sum = 0;
  for (int step = 0; step < 4000; ++step) {
    sum += quantized(*q, {1.03f, -0.3f}, {.training = true, .step = step})[0];
  }
  CHECK(sum / 4000 == Approx(1.03).margin(0.005));
}

TEST_CASE("minifloat: a width must hold the exponent", "[minifloat]") {
  std::vector<ParamProblem> problems;
  builtin_methods()
      .at("minifloat")
      .resolve(params({{"weight_bits", "4"}, {"exponent_bits", "5"}}), problems);
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].name == "weight_bits");
  CHECK_THAT(problems[0].text, Catch::Matchers::Contains("at least 6"));
}

TEST_CASE("minifloat: gradients pass weights that saturate, however they are rounded",
          "[minifloat]") {
  // Two exponent bits and one of mantissa reach to 1.5 x 2^2 = 6.
  for (const char* rounding : {"stochastic", "nearest"}) {
    const auto raw = params({{"weight_bits", "4"},
                             {"activation_bits", "4"},
                             {"exponent_bits", "2"},
                             {"training_rounding", rounding},
                             {"quantize_activations_in_training", "true"}});
    const auto weights = quantizer_for("minifloat", raw, weight_site({1, 3}));
    CHECK(gradient(*weights, {1, 5, -7}, {1, 2, 3}) == Values{1, 2, 3});
    const auto inputs = quantizer_for("minifloat", raw, value_site(Role::kInput, 3));
    CHECK(gradient(*inputs, {1, 5, -7}, {1, 2, 3}) == Values{1, 2, 0});
  }
}
