// A training step allocates nothing: every buffer is sized when the network is built.

#include <catch2/catch.hpp>

#include "framework/core/parallel.h"
#include "framework/train/optimizer.h"
#include "tests/counted_allocations.h"
#include "tests/nn/networks.h"

namespace bitsweep {
namespace {

using testing::Allocations;
using testing::allocations_of;

Allocations in_second_step(EngineKind engine, bool folds) {
  constexpr int kBatch = 20;
  Network network(residual_model(),
                  {.image = {8, 8, 3}, .classes = 5, .batch = kBatch, .engine = engine});
  if (folds) network.fold_in_training();
  network.build();
  const FixedBatch images(kBatch, {8, 8, 3}, 5);
  const BatchSource source = images.source();
  Optimizer optimizer({}, {}, network.parameters());
  const auto step = [&](int index) {
    network.train_step(source, Loss::kCrossEntropy, index);
    optimizer.step(0.01, index);
  };
  step(0);
  return allocations_of([&] { step(1); });
}

}  // namespace

TEST_CASE("a training step allocates nothing", "[nn]") {
  // Eigen's products pack their operands into memory of their own (malloc, not new).
  for (const bool folds : {false, true}) {
    CHECK(in_second_step(EngineKind::kReference, folds).count == 0);
  }
}

TEST_CASE("oneDNN allocates no more than its argument tables", "[nn]") {
  for (const bool folds : {false, true}) {
    CHECK(in_second_step(EngineKind::kOneDnn, folds).largest < 4096);
  }
}

TEST_CASE("a network that is only looked at has no memory for its weights", "[nn]") {
  const auto looked_at = allocations_of([] {
    Network network(model({linear("wide", "1000000"), linear("fc", "classes")}),
                    {.image = {1, 1, 8}, .classes = 5, .batch = 1});
    CHECK(network.weighted_layers()[0]->weight().size() == 8'000'000);
    CHECK(network.sites().front()->site.elements == 8'000'000);
    CHECK(network.parameters().front()->value.empty());
  });
  CHECK(looked_at.largest < 65536);
}

}  // namespace bitsweep
