#include "framework/eval/size.h"

#include <vector>

#include <catch2/catch.hpp>

using namespace bitsweep;
using Catch::Matchers::WithinAbs;

namespace {

// 256 filters of 3 x 3 x 256.
constexpr std::int64_t kLayer = 256 * 3 * 3 * 256;

ModelSize of(std::vector<SizeEntry> entries) { return model_size(entries); }

}  // namespace

TEST_CASE("one scale a filter costs a binary layer 0.0139 bits a weight") {
  // (589824 * 1 + 256 * 32) / 589824 = 1 + 8192 / 589824
  const auto size = of({{"conv/weight", kLayer, 1, 256 * 32, true}});
  CHECK_THAT(size.bits_per_weight(), WithinAbs(1.0139, 5e-5));
  CHECK_THAT(size.quantized_ratio(), WithinAbs(32 / (1 + 1.0 / 72), 1e-12));
}

TEST_CASE("one scale a layer costs a ternary layer almost nothing") {
  const auto size = of({{"conv/weight", kLayer, 2, 32, true}});
  CHECK_THAT(size.bits_per_weight(), WithinAbs(2.0001, 5e-5));
  CHECK_THAT(size.ratio(), WithinAbs(15.9996, 5e-5));
}

TEST_CASE("bits are told apart by purpose") {
  const auto size = of({{"conv1/weight", 100, 32, 0, false},
                        {"conv1/bias", 10, 32, 0, false},
                        {"bn1/scale", 10, 32, 0, false},
                        {"bn1/shift", 10, 32, 0, false},
                        {"bn1/mean", 10, 32, 0, false},
                        {"bn1/variance", 10, 32, 0, false},
                        {"fc1/weight", 1000, 2, 64, true},
                        {"fc1/bias", 10, 8, 32, true}});
  CHECK(size.elements == 1160);
  CHECK(size.weights == 1100);
  CHECK(size.quantized_elements == 1010);
  CHECK(size.payload_bits == 2000 + 80);
  CHECK(size.side_bits == 64 + 32);
  CHECK(size.float_bits == 150 * 32);
  CHECK(size.total_bits() == 6976);
  CHECK(size.total_bytes() == 872);
  CHECK(size.ratio() == 32.0 * 1160 / 6976);
  CHECK(size.quantized_ratio() == 32.0 * 1010 / 2176);
  CHECK(size.bits_per_weight() == 6976.0 / 1100);
}

TEST_CASE("a float network has ratio 1 and 32 bits a weight") {
  const auto size = of({{"fc/weight", 300, 32, 0, false}});
  CHECK(size.ratio() == 1);
  CHECK(size.quantized_ratio() == 1);
  CHECK(size.bits_per_weight() == 32);
}

TEST_CASE("a started byte counts whole") {
  CHECK(of({{"fc/weight", 3, 3, 0, true}}).total_bytes() == 2);
  CHECK(of({{"fc/weight", 8, 1, 0, true}}).total_bytes() == 1);
}

TEST_CASE("an empty network has no size") {
  const auto size = of({});
  CHECK(size.total_bytes() == 0);
  CHECK(size.ratio() == 1);
  CHECK(size.bits_per_weight() == 0);
}
