// The figures of quantizers' health.
#include <cmath>
#include <limits>

#include <catch2/catch.hpp>

#include "framework/quant/method.h"
#include "methods/builtin_methods.h"
#include "tests/train/watched_layer.h"

namespace bitsweep {

using Catch::Matchers::Equals;
using Catch::Matchers::WithinAbs;

TEST_CASE("clipped share, unused levels and SQNR of weights are those worked out by hand",
          "[health]") {
  Tiny tiny;
  tiny.attach(Role::kWeight, std::make_unique<OnGrid>(halves()));
  tiny.build();
  // On the grid 0.5, 1, -0.5, 0.5, 1.5, 1.5, -1.5, 0: all levels but -1. The 1.7 lies
  // beyond the end, but no further than rounding moves a value; 2 and -2 are clipped.
  tiny.set_weights({0.5f, 1, -0.5f, 0.6f, 1.7f, 2, -2, 0.1f});
  tiny.health->begin();
  tiny.observe();
  CHECK(tiny.last("health/fc/weight/clipped") == 2.0 / 8);
  CHECK(tiny.last("health/fc/weight/unused_levels") == 1);
  CHECK(tiny.last("health/fc/weight/levels") == 7);
  // Squares .25 + 1 + .25 + .36 + 2.89 + 4 + 4 + .01; errors .01 + .04 + .25 + .25 + .01.
  CHECK_THAT(tiny.last("health/fc/weight/sqnr_db"),
             WithinAbs(10 * std::log10(12.76 / 0.56), 1e-5));  // of float weights
  CHECK(tiny.warnings.empty());
}

TEST_CASE("values on the grid lose nothing: an infinite SQNR", "[health]") {
  Tiny tiny;
  tiny.attach(Role::kWeight, std::make_unique<OnGrid>(halves()));
  tiny.build();
  tiny.set_weights({0.5f, 1, -0.5f, 0, 1.5f, -1, -1.5f, 0});
  tiny.observe();
  CHECK(tiny.last("health/fc/weight/sqnr_db") == std::numeric_limits<double>::infinity());
  CHECK(tiny.last("health/fc/weight/unused_levels") == 0);
}

TEST_CASE("a quantizer is measured where it quantizes", "[health]") {
  Tiny tiny;
  tiny.attach(Role::kWeight, std::make_unique<Doubled>(halves()));
  tiny.build();
  // Doubled they are 0.6, 1, -0.4, 0.5, 1.5, 1.7, -1.5, 2: 2 is clipped; errors 0.1, -0.1
  // (to -0.5), 0.2 and 0.5. sum u^2 = 0.36 + 1 + 0.16 + 0.25 + 2.25 + 2.89 + 2.25 + 4.
  tiny.set_weights({0.3f, 0.5f, -0.2f, 0.25f, 0.75f, 0.85f, -0.75f, 1});
  tiny.observe();
  CHECK(tiny.last("health/fc/weight/clipped") == 1.0 / 8);
  CHECK_THAT(tiny.last("health/fc/weight/sqnr_db"),
             WithinAbs(10 * std::log10(13.16 / 0.31), 1e-5));  // floats of one digit
}

TEST_CASE("APoT's and DoReFa's weights have the SQNR of their levels", "[health]") {
  // Normal weights on 4-bit levels lose a hundredth or so, whatever they are divided by.
  for (const char* id : {"apot", "dorefa"}) {
    Tiny tiny(1000);
    MethodRegistry methods;
    register_builtin_methods(methods);
    const auto method = methods.at(id).make({{"weight_bits", word("4")}});
    tiny.attach(Role::kWeight, method->quantizer(tiny.site(Role::kWeight).site));
    tiny.build();
    std::vector<float> weights(2000);
    const RandomStream random(3, "weights");
    for (std::size_t i = 0; i < weights.size(); ++i) {
      weights[i] = 0.03f * float(random.normal_at(std::uint32_t(i)));
    }
    tiny.set_weights(weights);
    tiny.observe();
    CAPTURE(id);
    CHECK(tiny.last("health/fc/weight/sqnr_db") > 14);
    CHECK(tiny.last("health/fc/weight/sqnr_db") < 30);
  }
}

TEST_CASE("each channel is clipped by its own scale", "[health]") {
  Tiny tiny;
  tiny.attach(Role::kWeight,
              std::make_unique<OnGrid>(
                  Grid(LevelGrid{.levels = {-1, 0, 1}, .scale = {1, 2}}, {2, 4})));
  tiny.build();
  // Beyond 1.5 in the first channel, beyond 3 in the second.
  tiny.set_weights({1.4f, 1.6f, -0.2f, 0, 1.6f, 2.9f, -3.1f, 0});
  tiny.observe();
  CHECK(tiny.last("health/fc/weight/clipped") == 2.0 / 8);
}

TEST_CASE("inputs and outputs are seen as they were before their quantizers",
          "[health]") {
  Tiny tiny(1);
  tiny.attach(Role::kInput, std::make_unique<OnGrid>(halves()));
  tiny.attach(Role::kOutput, std::make_unique<OnGrid>(halves()));
  tiny.build();
  tiny.set_weights({1, 2});
  tiny.step({1.2f, 2.5f});  // become 1 and 1.5; outputs 1, 2 and 1.5, 3
  tiny.observe();
  CHECK(tiny.last("health/fc/input/clipped") == 1.0 / 2);
  CHECK_THAT(tiny.last("health/fc/input/sqnr_db"),
             WithinAbs(10 * std::log10((1.44 + 6.25) / (0.04 + 1)), 1e-5));
  CHECK(tiny.last("health/fc/output/clipped") == 2.0 / 4);
  CHECK_THAT(tiny.last("health/fc/output/sqnr_db"),
             WithinAbs(10 * std::log10((1 + 4 + 2.25 + 9) / (0.25 + 2.25)), 1e-5));
}

TEST_CASE("of large activations the first images speak for the batch", "[health]") {
  constexpr int kInputs = 60000;  // one image to 65536 values
  Tiny tiny(kInputs);
  tiny.attach(Role::kInput, std::make_unique<OnGrid>(halves()));
  tiny.build();
  std::vector<float> images(2 * kInputs, 9.0f);  // the second image is all clipped
  std::fill_n(images.begin(), kInputs, 1.0f);
  tiny.step(images);
  tiny.observe();
  CHECK(tiny.last("health/fc/input/clipped") == 0);
}

TEST_CASE("a bias is measured, and one that is all zero is none to warn of", "[health]") {
  Tiny tiny;
  tiny.attach(Role::kBias, std::make_unique<OnGrid>(halves()));
  tiny.build();
  tiny.observe();
  CHECK(tiny.last("health/fc/bias/unused_levels") == 6);
  CHECK(tiny.warnings.empty());
}

TEST_CASE("sign flips are counted from one epoch to the next", "[health]") {
  Tiny tiny;
  tiny.attach(Role::kWeight, std::make_unique<OnGrid>(halves()));
  tiny.build();
  tiny.set_weights({1, 1, 1, 1, -1, -1, -1, -1});
  tiny.health->begin();
  tiny.set_weights({1, 1, -1, 0.1f, -1, -1, -1, -0.4f});  // a flip, and one to zero
  tiny.observe();
  tiny.set_weights({1, 0.6f, -1, -0.1f, -1, -1, -1, -1});  // none: -0.1 is a zero still
  tiny.observe();
  CHECK_THAT(tiny.curves.at("health/fc/weight/sign_flips"),
             Equals(std::vector<double>{2.0 / 8, 0}));
}

TEST_CASE("a quantizer that evaluates in float tells its sign flips alone", "[health]") {
  Tiny tiny;
  tiny.attach(Role::kWeight,
              std::make_unique<FloatOutside>(Grid(LevelGrid{.levels = {-1, 1}})));
  tiny.build();
  tiny.set_weights({1, 1, 1, 1, 1, 1, 1, 1});
  tiny.health->begin();
  tiny.set_weights({-1, 1, 1, 1, 1, 1, 1, 1});
  tiny.observe();
  REQUIRE(tiny.curves.size() == 1);
  CHECK(tiny.last("health/fc/weight/sign_flips") == 1.0 / 8);
}

TEST_CASE("drift is the relative change of a parameter since training began",
          "[health]") {
  Parameter step("fc/weight.step", 2);
  Tiny tiny;
  tiny.attach(Role::kWeight, std::make_unique<OnGrid>(halves(), &step));
  tiny.build();
  step.value[0] = 3;
  step.value[1] = 4;
  tiny.health->begin();
  step.value[1] = 5;
  tiny.observe();
  step.value[0] = 3;
  step.value[1] = 4;
  tiny.observe();
  CHECK_THAT(tiny.curves.at("health/fc/weight/step_drift"),
             Equals(std::vector<double>{1.0 / 5, 0}));
}

TEST_CASE("drift from zero is the change itself", "[health]") {
  Parameter offset("fc/weight.offset", 1);
  Tiny tiny;
  tiny.attach(Role::kWeight, std::make_unique<OnGrid>(halves(), &offset));
  tiny.build();
  tiny.health->begin();
  offset.value[0] = -0.25f;
  tiny.observe();
  CHECK(tiny.last("health/fc/weight/offset_drift") == 0.25);
}

TEST_CASE("a network that is not trained is observed once, without flips and drifts",
          "[health]") {
  Parameter step("fc/weight.step", 1);
  Tiny tiny;
  tiny.attach(Role::kWeight, std::make_unique<OnGrid>(halves(), &step));
  tiny.build();
  tiny.observe();
  tiny.health->finish();
  CHECK(tiny.health->epochs() == 0);
  CHECK(tiny.curves.size() == 4);
}

}  // namespace bitsweep
