// Random streams: independent of order, different by seed and purpose, and evenly spread.

#include "framework/core/random.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <vector>

#include <catch2/catch.hpp>

using namespace bitsweep;
using Catch::Matchers::WithinAbs;

namespace {

constexpr std::uint32_t kDraws = 100000;

// Of n independent draws of unit variance a mean strays this far once in 10^8 times. The
// streams are fixed, so that a test which passes keeps passing.
double spread() { return 5.7 / std::sqrt(double(kDraws)); }

}  // namespace

TEST_CASE("a draw depends on seed, purpose and index alone", "[random]") {
  const RandomStream one(1, "weights");
  const RandomStream again(1, "weights");
  std::vector<std::uint32_t> forward, backward;
  for (std::uint32_t i = 0; i < 100; ++i) forward.push_back(one.bits_at(i));
  for (std::uint32_t i = 100; i-- > 0;) backward.push_back(again.bits_at(i));
  std::reverse(backward.begin(), backward.end());
  CHECK(forward == backward);
}

TEST_CASE("seeds, purposes and substreams give different numbers", "[random]") {
  std::set<std::uint32_t> first;
  std::size_t streams = 0;
  for (std::uint64_t seed : {0ULL, 1ULL, 2ULL, 1ULL << 40}) {
    for (const char* purpose : {"weights", "batches", "sthgiew"}) {
      const RandomStream stream(seed, purpose);
      for (const auto& one : {stream, stream.substream(0), stream.substream(1),
                              stream.substream(0).substream(0)}) {
        first.insert(one.bits_at(0));
        ++streams;
      }
    }
  }
  CHECK(first.size() == streams);
}

TEST_CASE("the numbers of a seed never change", "[random][approved]") {
  // From an independent program of the same definition.
  const RandomStream stream(1, "weights");
  const std::vector<std::uint32_t> drawn = {stream.bits_at(0), stream.bits_at(1),
                                            stream.substream(3).bits_at(0)};
  CHECK(drawn == std::vector<std::uint32_t>{4030519345U, 3558530177U, 2582958486U});
}

TEST_CASE("uniform numbers fill the open unit interval evenly", "[random]") {
  const RandomStream stream(7, "uniform");
  std::vector<int> bins(16);
  double sum = 0;
  for (std::uint32_t i = 0; i < kDraws; ++i) {
    const float u = stream.uniform_at(i);
    REQUIRE((0 < u && u < 1));
    ++bins[std::size_t(u * 16)];
    sum += u;
  }
  CHECK_THAT(sum / kDraws, WithinAbs(0.5, spread() * std::sqrt(1.0 / 12)));
  double chi = 0;
  for (const int count : bins) {
    const double expected = kDraws / 16.0;
    chi += (count - expected) * (count - expected) / expected;
  }
  CHECK(chi < 44.3);  // 15 degrees of freedom: exceeded once in 10^4 times
}

TEST_CASE("normal numbers have the moments of the normal distribution", "[random]") {
  const RandomStream stream(7, "normal");
  double sum = 0, squares = 0, fourth = 0, product = 0;
  for (std::uint32_t i = 0; i < kDraws; ++i) {
    const double z = stream.normal_at(i);
    sum += z;
    squares += z * z;
    fourth += z * z * z * z;
    product += z * stream.normal_at(i + 1);
  }
  CHECK_THAT(sum / kDraws, WithinAbs(0, spread()));
  CHECK_THAT(squares / kDraws, WithinAbs(1, spread() * std::sqrt(2.0)));
  CHECK_THAT(fourth / kDraws, WithinAbs(3, spread() * std::sqrt(96.0)));
  CHECK_THAT(product / kDraws, WithinAbs(0, spread()));
}

TEST_CASE("bounded numbers stay below their bound and reach all of it", "[random]") {
  const RandomStream stream(3, "below");
  std::vector<int> counts(7);
  for (std::uint32_t i = 0; i < 7000; ++i) ++counts.at(stream.below_at(i, 7));
  for (const int count : counts)
    CHECK_THAT(count, WithinAbs(1000, 5 * std::sqrt(1000.0)));
  CHECK(stream.below_at(0, 1) == 0);
}

TEST_CASE("shuffling gives every order equally often", "[random]") {
  std::vector<int> counts(6);
  for (std::uint64_t trial = 0; trial < 6000; ++trial) {
    std::vector<std::uint32_t> order = {0, 1, 2};
    RandomStream(1, "order").substream(trial).shuffle(order);
    ++counts.at(order[0] * 2 + (order[1] > order[2]));
  }
  for (const int count : counts)
    CHECK_THAT(count, WithinAbs(1000, 5 * std::sqrt(1000.0)));
}

TEST_CASE("a shuffled list keeps its members", "[random]") {
  std::vector<std::uint32_t> order(1000);
  std::iota(order.begin(), order.end(), 0);
  RandomStream(1, "order").shuffle(order);
  CHECK_FALSE(std::is_sorted(order.begin(), order.end()));
  std::sort(order.begin(), order.end());
  for (std::uint32_t i = 0; i < 1000; ++i) CHECK(order[i] == i);
  std::vector<std::uint32_t> none;
  RandomStream(1, "order").shuffle(none);
  CHECK(none.empty());
}
