#include "framework/quant/rounding.h"

#include <cmath>

#include <catch2/catch.hpp>

#include "framework/quant/uniform.h"

using namespace bitsweep;

TEST_CASE("each rounding rule is found by its name", "[rounding]") {
  CHECK(rounding_names() == std::vector<std::string>{"half_even", "half_away", "half_up",
                                                     "floor", "stochastic"});
  CHECK(rounding_named("half_even") == Rounding::kHalfEven);
  CHECK(rounding_named("stochastic") == Rounding::kStochastic);
}

TEST_CASE("each straight-through rule is found by its name", "[rounding]") {
  CHECK(straight_through_names().size() == 7);
  CHECK(straight_through_named("identity") == StraightThrough::kIdentity);
  CHECK(straight_through_named("clip0a") == StraightThrough::kClip0A);
  CHECK(straight_through_named("swish") == StraightThrough::kSwish);
}

TEST_CASE("half away from zero is C's round", "[rounding]") {
  for (const float x : {0.0f, 0.5f, -0.5f, 1.5f, 2.5f, -2.5f, 0.49999997f, -0.49999997f,
                        8388607.5f, 3.3f, -3.7f, 1e20f}) {
    CHECK(round_half_away(x) == std::round(x));
  }
}

TEST_CASE("half up is floor(x + 1/2) without the sum's own rounding", "[rounding]") {
  CHECK(round_half_up(0.5f) == 1);
  CHECK(round_half_up(-0.5f) == 0);
  CHECK(round_half_up(-1.5f) == -1);
  CHECK(round_half_up(0.49999997f) == 0);
  CHECK(round_half_up(8388609.0f) == 8388609.0f);
}

TEST_CASE("stochastic rounding is floor(x + u) and leaves whole numbers", "[rounding]") {
  CHECK(round_stochastic(4.96f, 0.10f) == 5);
  CHECK(round_stochastic(4.96f, 0.03f) == 4);
  CHECK(round_stochastic(-0.8f, 0.9f) == 0);
  CHECK(round_stochastic(-0.8f, 0.1f) == -1);
  CHECK(round_stochastic(32767, 0.9999999f) == 32767);
  CHECK(round_stochastic(-3, 0.9999999f) == -3);
}

TEST_CASE("rounding rules part at ties alone", "[rounding]") {
  // x = -0.5 on scale 0.2: -2.5 steps.
  const UniformFormat format{.low = -8, .high = 7, .scale = 0.2f, .zero_point = 0};
  const float x = -0.5f;
  const auto code = [&](Rounding rounding) {
    std::int32_t value = 0;
    encode_uniform({&x, 1}, {&value, 1}, format, rounding);
    return value;
  };
  CHECK(code(Rounding::kHalfEven) == -2);
  CHECK(code(Rounding::kHalfAway) == -3);
  CHECK(code(Rounding::kHalfUp) == -2);
  CHECK(code(Rounding::kFloor) == -3);
}
