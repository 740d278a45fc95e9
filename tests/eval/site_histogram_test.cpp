#include "framework/eval/site_histogram.h"

#include <cmath>
#include <numeric>
#include <vector>

#include <catch2/catch.hpp>

namespace bitsweep {
namespace {

SiteHistogram histogram_of(const Grid& grid, const std::vector<float>& u) {
  std::vector<std::int32_t> codes(grid.code_count(u.size()));
  grid.nearest_codes(u, codes);
  return site_histogram("conv1/weight", grid, u, codes);
}

double total(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

TEST_CASE("every value is in a bin, and every level has its share") {
  const Grid grid(UniformGrid{.low = -2, .high = 1, .scale = {0.5f}, .zero_point = {0}});
  const auto histogram = histogram_of(grid, {-3, -0.6f, -0.4f, 0, 0, 0.1f, 0.5f, 2});
  CHECK(histogram.site == "conv1/weight");
  CHECK_FALSE(histogram.in_steps);
  CHECK(histogram.low == -3);
  CHECK(histogram.high == 2);
  CHECK(total(histogram.counts) == 8);
  CHECK(histogram.counts.front() == 1);
  CHECK(histogram.counts.back() == 1);
  CHECK(histogram.grid_low == -1);
  CHECK(histogram.grid_high == 0.5);
  CHECK(histogram.levels == std::vector<double>{-1, -0.5, 0, 0.5});
  CHECK(histogram.level_shares == std::vector<double>{0.125, 0.25, 0.375, 0.25});
}

TEST_CASE("values of channels with scales of their own are told in codes") {
  const Grid grid(
      UniformGrid{.low = -1, .high = 1, .scale = {1, 100}, .zero_point = {0, 0}},
      {.channels = 2, .inner = 2});
  const auto histogram = histogram_of(grid, {-1, 1, -100, 100});
  CHECK(histogram.in_steps);
  CHECK(histogram.low == -1);
  CHECK(histogram.high == 1);
  CHECK(histogram.counts.front() == 2);
  CHECK(histogram.counts.back() == 2);
  CHECK(histogram.levels == std::vector<double>{-1, 0, 1});
}

TEST_CASE("a few values far away do not press the others together") {
  std::vector<float> u(10000);
  for (std::size_t i = 0; i < u.size(); ++i) u[i] = float(i % 100) / 100;
  u[0] = 1e6f;
  const Grid grid(LevelGrid{.levels = {0, 0.5f, 1}});
  const auto histogram = histogram_of(grid, u);
  CHECK(histogram.high < 1e6);
  CHECK(total(histogram.counts) == 10000);
  CHECK(histogram.counts.back() >= 1);
}

TEST_CASE("many levels, and vectors, are drawn without lines") {
  const std::vector<float> u = {0, 1, 2, 3};
  CHECK(histogram_of(Grid(UniformGrid{.low = 0, .high = 255}), u).levels.empty());
  const Grid vectors(
      LevelGrid{.levels = {0, 1, 2, 3}, .vectors = {.dimension = 2, .stride = 1}});
  const auto histogram = histogram_of(vectors, u);
  CHECK(histogram.levels.empty());
  CHECK(std::isnan(histogram.grid_low));
  CHECK(total(histogram.counts) == 4);
}

TEST_CASE("equal values have a bin to stand in") {
  const auto histogram = histogram_of(Grid(UniformGrid{.low = 0, .high = 3}), {2, 2, 2});
  CHECK(histogram.high > histogram.low);
  CHECK(total(histogram.counts) == 3);
}

}  // namespace
}  // namespace bitsweep
