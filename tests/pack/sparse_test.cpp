#include "framework/pack/sparse.h"

#include <catch2/catch.hpp>

#include "framework/core/error.h"
#include "tests/pack/symbols.h"

using namespace bitsweep;

namespace {

using Codes = std::vector<std::uint32_t>;

Codes at_positions(const std::vector<std::size_t>& positions, std::size_t size) {
  Codes codes(size);
  for (std::size_t i = 0; i < positions.size(); ++i) {
    codes[positions[i]] = std::uint32_t(i + 1);
  }
  return codes;
}

}  // namespace

// The worked examples of relative indices with 3 and 5 bits.
TEST_CASE("gaps are filled as in the worked examples", "[pack][sparse]") {
  const auto few = to_sparse(at_positions({0, 3, 14}, 20), 0, 3);
  CHECK(few.skips == Codes{0, 2, 7, 2});
  CHECK(few.codes == Codes{1, 2, 0, 3});

  const Codes codes = at_positions({1, 4, 15, 40, 41}, 42);
  const auto three = to_sparse(codes, 0, 3);
  CHECK(three.skips == Codes{1, 2, 7, 2, 7, 7, 7, 0, 0});
  CHECK(three.codes == Codes{1, 2, 0, 3, 0, 0, 0, 4, 5});
  const auto five = to_sparse(codes, 0, 5);
  CHECK(five.skips == Codes{1, 2, 10, 24, 0});
  CHECK(five.codes == Codes{1, 2, 3, 4, 5});
}

TEST_CASE("sparse codes come back", "[pack][sparse]") {
  const int skip_bits = GENERATE(0, 1, 3, 5, 16);
  const double zeros = GENERATE(0.3, 0.9, 0.999);
  const std::size_t size = GENERATE(0u, 1u, 7u, 8u, 9u, 1000u);
  const Codes codes = skewed_symbols(size, 17, 4, zeros);
  Codes back(size, 99);
  from_sparse(to_sparse(codes, 4, skip_bits), 4, back);
  CHECK(back == codes);
}

TEST_CASE("zeros alone take no entries", "[pack][sparse]") {
  CHECK(to_sparse(Codes(1000, 3), 3, 4).skips.empty());
}

TEST_CASE("sparse codes that do not fit are refused", "[pack][sparse]") {
  Codes back(10);
  CHECK_THROWS_AS(from_sparse({3, {7, 2}, {1, 1}}, 0, back), DataError);
  CHECK_NOTHROW(from_sparse({3, {7, 1}, {1, 1}}, 0, back));
  CHECK_THROWS_AS(from_sparse({3, {2, 1}, {0, 1}}, 0, back), DataError);  // no gap
  CHECK_THROWS_AS(from_sparse({3, {7}, {0}}, 0, back), DataError);        // fills nothing
}
