#include "framework/quant/pruning.h"

#include <catch2/catch.hpp>

#include "framework/core/error.h"

namespace bitsweep {
namespace {

using Values = std::vector<float>;

Values mask_of(const Values& w, const Pruning& pruning) {
  Values kept(w.size(), 1);
  const MaskedWeights tensor{w, kept};
  prune({&tensor, 1}, pruning);
  return kept;
}

constexpr auto kDeviation = Pruning::Threshold::kDeviation;

}  // namespace

TEST_CASE("a threshold in standard deviations, worked by hand", "[pruning]") {
  // The population's deviation is 0.2368304, so the threshold 0.1184152; a sample's would
  // be 0.2532.
  const Values v = {0.31f, -0.05f, 0.127f, -0.443f, 0.01f, 0.2f, -0.0078f, 0.36f};
  CHECK(mask_of(v, {kDeviation, 0.5}) == Values{1, 0, 1, 1, 0, 1, 0, 1});
  CHECK(mask_of(v, {kDeviation, 0}) == Values(8, 1));
  CHECK(mask_of(v, {kDeviation, 100}) == Values{0, 0, 0, 1, 0, 0, 0, 0});
}

TEST_CASE("the largest share stays, of equals the first", "[pruning]") {
  CHECK(mask_of({3, -1, 2, -4}, {.amount = 0.5}) == Values{1, 0, 0, 1});
  CHECK(mask_of({1, -1, 1, -1}, {.amount = 0.5}) == Values{1, 1, 0, 0});
  CHECK(mask_of({3, -1, 2, -4}, {.amount = 1}) == Values(4, 1));
  CHECK(mask_of({3, -1, 2, -4}, {.amount = 0.01}) == Values{0, 0, 0, 1});
}

TEST_CASE("what is pruned stays so", "[pruning]") {
  const Values w = {5, 1, 2, 3};
  Values kept = {0, 1, 1, 1};
  const MaskedWeights tensor{w, kept};
  prune({&tensor, 1}, {.amount = 0.5});
  CHECK(kept == Values{0, 0, 1, 1});
  prune({&tensor, 1}, {.amount = 0.75});
  CHECK(kept == Values{0, 0, 1, 1});
}

TEST_CASE("tensors of one group are compared with each other", "[pruning]") {
  const Values a = {1, 2}, b = {3, 4, 5, 0.5f};
  Values in_a(2, 1), in_b(4, 1);
  const std::vector<MaskedWeights> both = {{a, in_a}, {b, in_b}};
  prune(both, {.amount = 0.5});
  CHECK(in_a == Values{0, 0});
  CHECK(in_b == Values{1, 1, 1, 0});
}

TEST_CASE("schedules of pruning, worked by hand", "[pruning]") {
  CHECK(cubic_progress(0) == 0);
  CHECK(cubic_progress(0.5) == Approx(0.875));
  CHECK(cubic_progress(1) == 1);
  CHECK(partial({.amount = 0.2}, 0.875).amount == Approx(0.3));  // 1 - 0.8 * 0.875
  CHECK(partial({kDeviation, 2}, 0.5).amount == 1);
  CHECK(after_round({.amount = 0.25}, 1, 2).amount == Approx(0.5));
  CHECK(after_round({.amount = 0.25}, 2, 2).amount == Approx(0.25));
}

TEST_CASE("a grid without 0 gets a level for pruned weights", "[pruning]") {
  const ChannelLayout two_filters{2, 2};
  const Encoded binary{
      {0, 1, 1, 0}, Grid(LevelGrid{.levels = {-1, 1}, .scale = {0.5f, 3}}, two_filters)};
  const Encoded pruned = without_pruned(binary, Values{1, 0, 1, 0});
  CHECK(pruned.values() == Values{-0.5f, 0, 3, 0});
  CHECK(pruned.grid.bits() == 2);
  CHECK(pruned.grid.level_count() == 3);
}

TEST_CASE("a uniform grid with half a zero point gets one too", "[pruning]") {
  const Encoded dorefa{
      {-2, -1, 0, 1},
      Grid(UniformGrid{.low = -2, .high = 1, .scale = {0.25f}, .zero_point = {-0.5f}})};
  const Encoded pruned = without_pruned(dorefa, Values{1, 1, 0, 1});
  CHECK(pruned.values() == Values{-0.375f, -0.125f, 0, 0.375f});
  CHECK_FALSE(pruned.grid.levels()->learned);
}

TEST_CASE("a grid with 0 stays as it is", "[pruning]") {
  const Encoded ternary{{2, 0, 2},
                        Grid(LevelGrid{.levels = {-0.5f, 0, 0.75f}, .learned = true})};
  const Encoded pruned = without_pruned(ternary, Values{0, 1, 1});
  CHECK(pruned.values() == Values{0, -0.5f, 0.75f});
  CHECK(pruned.grid.level_count() == 3);
  const Encoded uniform{{-1, 1}, Grid(UniformGrid{.low = -1, .high = 1})};
  CHECK(without_pruned(uniform, Values{0, 1}).values() == Values{0, 1});
}

TEST_CASE("a channel that is pruned as a whole is 0, not -0", "[pruning]") {
  const ChannelLayout channels{.channels = 2, .inner = 2};
  for (const Values& levels : {Values{-1, 1}, Values{-1, 0, 1}}) {
    const Encoded encoded{
        .codes = {0, 0, 0, 1},
        .grid = Grid(LevelGrid{.levels = levels, .scale = {0, 0.5f}}, channels)};
    const Encoded pruned = without_pruned(encoded, Values{0, 0, 1, 0});
    const auto values = pruned.values();
    CHECK(values == Values{0, 0, -0.5f, 0});
    CHECK_FALSE(std::signbit(values[0]));
    CHECK_FALSE(std::signbit(values[1]));
  }
}

TEST_CASE("code books each get their 0", "[pruning]") {
  const LevelGrid books{.levels = {-2, -1, 1, 2}, .books = 2, .book_of = {0, 1}};
  const Encoded encoded{{0, 1, 0, 1}, Grid(books, {2, 2})};
  CHECK(without_pruned(encoded, Values{1, 1, 1, 0}).values() == Values{-2, -1, 1, 0});
}

TEST_CASE("codes of vectors cannot be pruned one by one", "[pruning]") {
  const LevelGrid pairs{.levels = {1, 2, 3, 4}, .vectors = {.dimension = 2}};
  CHECK_THROWS_AS(without_pruned({{0}, Grid(pairs)}, Values{0, 1}), MethodError);
}

}  // namespace bitsweep
