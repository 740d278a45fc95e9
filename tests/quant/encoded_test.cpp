#include "framework/quant/encoded.h"

#include <catch2/catch.hpp>

#include "framework/core/error.h"
#include "framework/quant/quantizer.h"

namespace bitsweep {
namespace {

using Values = std::vector<float>;
using Codes = std::vector<std::int32_t>;

Values decoded_values(const Grid& grid, const Codes& codes) {
  Values values(codes.size() * grid.dimension());
  grid.decode(codes, values);
  return values;
}

Codes nearest_codes(const Grid& grid, const Values& x) {
  Codes codes(grid.code_count(x.size()));
  grid.nearest_codes(x, codes);
  return codes;
}

// Nearest codes of a grid that is given.
class OnGrid final : public Quantizer {
 public:
  explicit OnGrid(Grid grid) : grid_(std::move(grid)) {}
  void forward(std::span<const float>, std::span<float>, const Pass&) const override {}
  Grid grid() const override { return grid_; }

 private:
  Grid grid_;
};

class Foreign final : public Quantizer {
 public:
  void forward(std::span<const float>, std::span<float>, const Pass&) const override {}
  void encode(std::span<const float>, std::span<std::int32_t> codes) const override {
    codes[1] = 4;
  }
  Grid grid() const override { return {UniformGrid{.low = 0, .high = 3}}; }
};

// Filters of two weights; the second and the third share a code book.
Grid books_by_filter() {
  return {LevelGrid{.levels = {-1, 0, 2, -3, 0, 5},
                    .learned = true,
                    .books = 2,
                    .book_of = {0, 1, 1}},
          {.channels = 3, .inner = 2}};
}

TEST_CASE("each channel reads its own code book", "[quant][encoded]") {
  const Grid grid = books_by_filter();
  CHECK(grid.level_count() == 3);
  CHECK(grid.bits() == 2);
  CHECK(decoded_values(grid, {0, 2, 0, 2, 1, 2}) == Values{-1, 2, -3, 5, 0, 5});
  CHECK(nearest_codes(grid, {1.2f, -9, 1.2f, -9, 2.6f, 2.4f}) == Codes{2, 0, 1, 0, 2, 1});
}

TEST_CASE("a code may stand for a vector", "[quant][encoded]") {
  // The reference page's product quantization example, F.2: d = 2, row by row.
  const Values w = {.1f, .9f, -.5f, .4f, .2f,  1,    -.4f, .5f,
                    0,   .8f, 1,    -1,  .15f, 1.1f, .9f,  -1.1f};
  const Grid grid(LevelGrid{.levels = {.1125f, .95f, -.45f, .45f, .95f, -1.05f},
                            .learned = true,
                            .vectors = {.dimension = 2}});
  CHECK(grid.code_count(16) == 8);
  const Codes codes = nearest_codes(grid, w);
  CHECK(codes == Codes{0, 1, 0, 1, 0, 2, 0, 2});
  const Values y = decoded_values(grid, codes);
  double error = 0;
  for (std::size_t i = 0; i < w.size(); ++i) {
    error += (double(w[i]) - y[i]) * (double(w[i]) - y[i]);
  }
  CHECK(error == Approx(0.091875).epsilon(1e-6));
}

TEST_CASE("a vector's values may lie apart", "[quant][encoded]") {
  // Two filters of two pixels and three inputs: a code for each filter and input.
  const Grid grid(
      LevelGrid{.levels = {1, 2, 3, 4}, .vectors = {.dimension = 2, .stride = 3}});
  const Codes codes = {0, 1, 0, 1, 1, 0};
  const Values y = {1, 3, 1, 2, 4, 2, 3, 3, 1, 4, 4, 2};
  CHECK(decoded_values(grid, codes) == y);
  CHECK(nearest_codes(grid, y) == codes);
  CHECK_THROWS_AS(grid.code_count(7), MethodError);
}

TEST_CASE("what is no code book is refused", "[quant][encoded]") {
  CHECK_THROWS_AS(Grid(LevelGrid{.levels = {0, 1, 2}, .books = 2}), MethodError);
  CHECK_THROWS_AS(
      Grid(LevelGrid{.levels = {0, 1}, .books = 2, .book_of = {0, 2}}, {2, 1}),
      MethodError);
  CHECK_THROWS_AS(Grid(LevelGrid{.levels = {0, 1}, .book_of = {0}}, {2, 1}), MethodError);
  // A second book begins anew; within it levels ascend.
  CHECK_NOTHROW(Grid(LevelGrid{.levels = {0, 9, 1, 2}, .books = 2, .book_of = {1}}));
  CHECK_THROWS_AS(Grid(LevelGrid{.levels = {0, 9, 2, 1}, .books = 2, .book_of = {1}}),
                  MethodError);
}

TEST_CASE("an encoded tensor counts its bits and codes", "[quant][encoded]") {
  const Encoded uniform =
      encode(OnGrid(UniformGrid{.low = -1, .high = 2}), Values{-5, 0.2f, 0.3f, 2});
  CHECK(uniform.codes == Codes{-1, 0, 0, 2});
  CHECK(uniform.values() == Values{-1, 0, 0, 2});
  CHECK(code_counts(uniform.codes, uniform.grid) ==
        std::vector<std::int64_t>{1, 2, 0, 1});
  CHECK(uniform.nominal_bits().codes == 8);
  CHECK(uniform.nominal_bits().scales == 32);
  CHECK(uniform.nominal_bits().books == 0);

  // 6 codes of 2 bits, one scale, 6 levels, and for three filters which of two books.
  const Encoded books = encode(OnGrid(books_by_filter()), Values(6));
  CHECK(books.nominal_bits().codes == 12);
  CHECK(books.nominal_bits().scales == 32);
  CHECK(books.nominal_bits().books == 6 * 32 + 3);
  CHECK(books.nominal_bits().total() == 12 + 32 + 195);
}

TEST_CASE("codes that the grid does not have are refused", "[quant][encoded]") {
  CHECK_THROWS_WITH(encode(Foreign(), Values(3)),
                    "it encodes value 1 as 4; its grid has codes 0 to 3");
}

}  // namespace
}  // namespace bitsweep
