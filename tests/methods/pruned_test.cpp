// What quantizers make of pruned weights.
#include <cmath>

#include <catch2/catch.hpp>

#include "framework/nn/bound_site.h"
#include "framework/quant/pruning.h"
#include "tests/methods/quantizers.h"

using namespace bitsweep;
using namespace bitsweep::testing;

namespace {

// Two filters of eight weights, and the same with four pruned ones among each eight.
constexpr int kFilters = 2;
constexpr std::size_t kLeft = 8, kWhole = 12;

struct PrunedWeights {
  Values left = normal_values(kFilters * kLeft, 5);
  Values whole, kept;

  PrunedWeights() {
    for (std::size_t i = 0; i < left.size(); ++i) {
      whole.push_back(left[i]);
      kept.push_back(1);
      if (i % 2 == 1) whole.push_back(0), kept.push_back(0);
    }
  }

  Values of_left(const Values& values) const { return left_of(values, kept); }
};

std::unique_ptr<Quantizer> pruned(const std::string& id, const RawParams& raw,
                                  const PrunedWeights& weights) {
  auto quantizer = quantizer_for(id, raw, weight_site({kFilters, kWhole}));
  if (auto* knows = optional_interface<KnowsPruned>(quantizer.get())) {
    knows->set_kept(weights.kept);
  }
  probe::calibrate(*quantizer, weights.whole);
  return quantizer;
}

struct Row {
  const char* id;
  RawParams raw;
};

// Without those that keep a code for 0 where weights are pruned: kmeans,
// sparse_least_squares.
const std::vector<Row>& rows() {
  static const std::vector<Row> all = {
      {"affine", {}},
      {"affine", params({{"group", "channel"}})},
      {"apot", {}},
      {"binaryconnect", {}},
      {"bwn", {}},
      {"bwn", params({{"group", "layer"}})},
      {"bwn", params({{"center", "false"}})},
      {"bwn", params({{"center", "false"}, {"ste", "paper"}})},
      {"bwn", params({{"group", "layer"}, {"ste", "paper"}})},
      {"dorefa", params({{"weight_bits", "1"}})},
      {"dorefa", params({{"weight_bits", "3"}})},
      {"dynamic_fixed_point", {}},
      {"hwgq", {}},
      {"lognet", {}},
      {"lsq", {}},
      {"lsq", params({{"group", "filter"}})},
      {"lsq", params({{"init", "lsqplus"}})},
      {"minifloat", {}},
      {"pact", params({{"weight_bits", "1"}})},
      {"power_of_two", {}},
      {"qnn", {}},
      {"ttq", {}},
      {"twn", {}},
      {"twn", params({{"group", "filter"}})},
      {"twn", params({{"delta", "exact"}})},
      {"wrpn", params({{"weight_bits", "1"}})},
      {"xnor", {}}};
  return all;
}

}  // namespace

TEST_CASE("pruned weights have no say in what the others become", "[methods][pruning]") {
  const PrunedWeights weights;
  for (const auto& [id, raw] : rows()) {
    CAPTURE(id);
    const auto alone = calibrated(id, raw, weight_site({kFilters, kLeft}), weights.left);
    const auto among = pruned(id, raw, weights);
    const Values expected = quantized(*alone, weights.left);
    CHECK(near(weights.of_left(quantized(*among, weights.whole)),
               {expected.begin(), expected.end()}, 1e-6));
  }
}

TEST_CASE("nor have they in the others' gradients", "[methods][pruning]") {
  const PrunedWeights weights;
  Values g = normal_values(weights.whole.size(), 6);
  for (std::size_t i = 0; i < g.size(); ++i) g[i] *= weights.kept[i];  // as layers do
  for (const auto& [id, raw] : rows()) {
    CAPTURE(id);
    const auto alone = calibrated(id, raw, weight_site({kFilters, kLeft}), weights.left);
    const auto among = pruned(id, raw, weights);
    const Values expected = gradient(*alone, weights.left, weights.of_left(g));
    CHECK(near(weights.of_left(gradient(*among, weights.whole, g)),
               {expected.begin(), expected.end()}, 1e-6));
  }
}

TEST_CASE("of a layer without weights all values and gradients are numbers",
          "[methods][pruning]") {
  const Values zeros(kFilters * kWhole, 0.0f);
  for (const auto& [id, raw] : rows()) {
    CAPTURE(id);
    const auto quantizer = quantizer_for(id, raw, weight_site({kFilters, kWhole}));
    if (auto* knows = optional_interface<KnowsPruned>(quantizer.get())) {
      knows->set_kept(zeros);
    }
    probe::calibrate(*quantizer, zeros);
    for (const Values& values :
         {quantized(*quantizer, zeros), gradient(*quantizer, zeros, zeros)}) {
      for (const float v : values) CHECK(std::isfinite(v));
    }
  }
}
