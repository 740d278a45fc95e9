#include <cmath>

#include <catch2/catch.hpp>

#include "tests/methods/quantizers.h"

using namespace bitsweep;
using namespace bitsweep::testing;

namespace {

Values half(const Values& x) {
  return quantized(*quantizer_for("float16", {}, weight_site({1, int(x.size())})), x);
}

}  // namespace

TEST_CASE("float16: ties go to the even mantissa", "[float16]") {
  // Steps of 2^-10 from 1 on, and of 2 from 2048 on.
  CHECK(half({1 + 0x1p-11f, 1 + 3 * 0x1p-11f, -2049, 2051, 1 + 0x1.8p-11f}) ==
        Values{1, 1 + 0x1p-9f, -2048, 2052, 1 + 0x1p-10f});
}

TEST_CASE("float16: small values have steps of 2^-24, large ones an end", "[float16]") {
  CHECK(half({0x1p-24f, 0x1p-25f, 0x1.8p-24f, -0x1.2p-24f, 0x1.ffep-15f, 65519, -65520,
              1e30f}) ==
        Values{0x1p-24f, 0, 0x1p-23f, -0x1p-24f, 0x1p-14f, 65504, -65504, 65504});
}

TEST_CASE("float16: each of its values stays what it is", "[float16]") {
  const Values levels =
      quantizer_for("float16", {}, weight_site({1, 4}))->grid().levels()->levels;
  CHECK(levels.size() == 63487);
  CHECK(half(levels) == levels);
}
