#include "framework/quant/grid.h"

#include <cmath>
#include <limits>

#include <catch2/catch.hpp>

#include "framework/core/error.h"

using namespace bitsweep;

namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<std::int32_t> nearest(const Grid& grid, const std::vector<float>& x) {
  std::vector<std::int32_t> codes(x.size());
  grid.nearest_codes(x, codes);
  return codes;
}

std::vector<float> decoded(const Grid& grid, const std::vector<std::int32_t>& codes) {
  std::vector<float> values(codes.size());
  grid.decode(codes, values);
  return values;
}

}  // namespace

TEST_CASE("a uniform grid's value is scale * (code - zero_point) in float", "[grid]") {
  const Grid grid(UniformGrid{.low = 0, .high = 15, .scale = {0.2f}, .zero_point = {5}});
  for (std::int32_t code = 0; code <= 15; ++code) {
    CHECK(grid.value(code, 0) == 0.2f * (float(code) - 5.0f));
  }
  CHECK(grid.level_count() == 16);
  CHECK(grid.bits() == 4);
}

TEST_CASE("a half zero point gives odd multiples of half a step", "[grid]") {
  // DoReFa's 2-bit weights: -1, -1/3, 1/3, 1; twice the codes less 3 are -3, -1, 1, 3.
  const Grid grid(
      UniformGrid{.low = 0, .high = 3, .scale = {2.0f / 3}, .zero_point = {1.5f}});
  CHECK(decoded(grid, {0, 1, 2, 3}) == std::vector<float>{-1, -1.0f / 3, 1.0f / 3, 1});
  CHECK(nearest(grid, {-1, -0.4f, -0.01f, 0.01f, 0.6f, 0.7f, 9}) ==
        std::vector<std::int32_t>{0, 1, 1, 2, 2, 3, 3});
}

TEST_CASE("nearest codes clamp at the ends of a uniform grid", "[grid]") {
  const Grid grid(UniformGrid{.low = -8, .high = 7, .scale = {0.5f}});
  CHECK(nearest(grid, {-kInfinity, -4.3f, 3.6f, 1e30f, kInfinity}) ==
        std::vector<std::int32_t>{-8, -8, 7, 7, 7});
}

TEST_CASE("ties of a uniform grid go to the even code", "[grid]") {
  const Grid grid(UniformGrid{.low = -8, .high = 7, .scale = {2}});
  CHECK(nearest(grid, {1, 3, 5, -1, -3}) == std::vector<std::int32_t>{0, 2, 2, 0, -2});
  CHECK(grid.nearest_code(3, 0) == 2);
}

TEST_CASE("NaN takes the code nearest to zero", "[grid]") {
  const Grid affine(
      UniformGrid{.low = 0, .high = 15, .scale = {0.2f}, .zero_point = {5}});
  CHECK(affine.nearest_code(kNan, 0) == 5);
  const Grid levels(LevelGrid{.levels = {-1, 0.25f, 2}});
  CHECK(levels.nearest_code(kNan, 0) == 1);
}

TEST_CASE("a level grid's nearest code agrees with a search of all levels", "[grid]") {
  const std::vector<float> levels = {-2, -0.5f, -0.125f, 0, 0.125f, 0.5f, 2};
  const float scale = 0.75f;
  const Grid grid(LevelGrid{.levels = levels, .scale = {scale}});
  for (int i = -400; i <= 400; ++i) {
    const float x = float(i) / 128;
    std::int32_t best = 0;
    for (std::int32_t code = 1; code < 7; ++code) {
      const float closer = std::fabs(x - scale * levels[std::size_t(best)]) -
                           std::fabs(x - scale * levels[std::size_t(code)]);
      if (closer > 0 || (closer == 0 && code % 2 == 0)) best = code;
    }
    CAPTURE(x);
    CHECK(grid.nearest_code(x, 0) == best);
  }
  CHECK(grid.bits() == 3);
  CHECK(grid.level_count() == 7);
}

TEST_CASE("weights have one scale a filter, activations one a channel", "[grid]") {
  const UniformGrid two{.low = -1, .high = 1, .scale = {1, 10}, .zero_point = {0, 0}};
  const Grid filters(two, {.channels = 2, .inner = 3});
  CHECK(decoded(filters, {1, 1, 1, 1, 1, 1}) == std::vector<float>{1, 1, 1, 10, 10, 10});
  CHECK(nearest(filters, {1, 4, 0, 4, 6, 0}) ==
        std::vector<std::int32_t>{1, 1, 0, 0, 1, 0});

  const Grid pixels(two, {.channels = 2, .inner = 1});
  CHECK(decoded(pixels, {1, 1, 1, 1}) == std::vector<float>{1, 10, 1, 10});

  const Grid levels(LevelGrid{.levels = {-1, 1}, .scale = {2, 3}}, {2, 2});
  CHECK(decoded(levels, {0, 1, 0, 1}) == std::vector<float>{-2, 2, -3, 3});
}

TEST_CASE("what a file must store beside the codes is counted", "[grid]") {
  CHECK(Grid(UniformGrid{.low = 0, .high = 1}).scale_count() == 1);
  CHECK(Grid(UniformGrid{.low = 0, .high = 3, .scale = {1, 1}, .zero_point = {0, 2}},
             {.channels = 2})
            .scale_count() == 3);
  CHECK(Grid(LevelGrid{.levels = {-1, 1}, .scale = {1, 2, 3}}, {.channels = 3})
            .scale_count() == 3);
}

TEST_CASE("what is no grid is refused with what is wrong", "[grid][refusal]") {
  const auto failure_of = [](auto grid, ChannelLayout layout = {}) -> std::string {
    try {
      Grid(std::move(grid), layout);
    } catch (const MethodError& error) {
      return error.what();
    }
    return "";
  };
  CHECK(failure_of(UniformGrid{.low = 1, .high = 0}) ==
        "its grid has codes from 1 to 0; expected at least one");
  CHECK(failure_of(UniformGrid{.high = 1, .scale = {0}}) ==
        "its grid has a scale of 0; expected a finite one above 0, for codes are found "
        "by dividing");
  CHECK(failure_of(LevelGrid{.levels = {0, 1}, .scale = {kNan}}) ==
        "its grid has a scale of nan; expected a finite one that is not negative");
  CHECK(failure_of(LevelGrid{.levels = {0, 1}, .scale = {1, 2}}, {3, 1}) ==
        "its grid has 2 scales for 3 channels; expected one, or one a channel");
  CHECK(failure_of(LevelGrid{.levels = {1, 0.5f}}) ==
        "its grid has a level of 0.5 behind one of 1; expected them to ascend");
  CHECK(failure_of(LevelGrid{}) == "its grid has no levels");
  CHECK(failure_of(LevelGrid{.levels = {kInfinity}}) == "its grid has a level of inf");
}
