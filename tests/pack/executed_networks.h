// Packed models against the networks they were made of.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "framework/pack/executor.h"
#include "tests/pack/packed_networks.h"

namespace bitsweep {

inline double largest_difference(const std::vector<float>& a,
                                 const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    largest = std::max(largest, double(std::fabs(a[i] - b[i])));
  }
  return largest;
}

inline double spread(const std::vector<float>& values) {
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  return double(*most) - double(*least);
}

// A value next to the border between two codes may fall on either side of it, for sums of
// floats and sums of integers are rounded differently: then a code differs by one. Few
// images may meet one; the others agree to float rounding.
inline void check_agreement(const std::vector<float>& simulated,
                            const std::vector<float>& executed) {
  const std::size_t images = Quantized::kBatch, classes = simulated.size() / images;
  std::size_t apart = 0;
  const double tolerance = 1e-4 * spread(simulated);  // sums of 200 terms, four layers
  for (std::size_t i = 0; i < images; ++i) {
    bool same = true;
    for (std::size_t c = i * classes; c < (i + 1) * classes; ++c) {
      same &= std::fabs(simulated[c] - executed[c]) <= tolerance;
    }
    apart += !same;
  }
  CHECK(apart <= 1);
}

inline void check_method(ModelSpec spec, const std::string& method,
                         std::vector<std::pair<const char*, const char*>> pairs,
                         EdgesSpec edges = kAllButBias) {
  CAPTURE(method);
  Quantized net(std::move(spec), method, std::move(pairs), std::move(edges));
  const PackedModel packed = net.pack();
  const auto simulated = net.logits();
  // The float products of looked-up levels are those of the simulation.
  CHECK(largest_difference(simulated, net.executed(packed, {.integer = false})) <=
        1e-5 * spread(simulated));
  const auto executed = net.executed(packed, {});
  check_agreement(simulated, executed);
  check_agreement(net.executed(packed, {.engine = EngineKind::kReference}), executed);
}

}  // namespace bitsweep
