#include "framework/train/pruner.h"

#include <algorithm>
#include <cmath>

#include <catch2/catch.hpp>

#include "framework/core/error.h"
#include "framework/nn/dropout_layer.h"
#include "framework/nn/encoded_network.h"
#include "framework/train/optimizer.h"
#include "methods/builtin_methods.h"
#include "tests/nn/networks.h"

namespace bitsweep {
namespace {

using Catch::Matchers::Contains;

const MethodRegistry& registry() {
  static const MethodRegistry all = [] {
    MethodRegistry made;
    register_builtin_methods(made);
    return made;
  }();
  return all;
}

constexpr int kPrunedBatch = 10;

// A small network under a method, with its run's pruning, trained by hand.
struct Pruned {
  Network network;
  FixedBatch images{kPrunedBatch, {8, 8, 3}, 5};
  MethodList methods;
  std::optional<Pruner> pruner;

  Pruned(const std::string& method, const std::optional<PruningSpec>& spec,
         const ModelSpec& model = residual_model())
      : network(model, {.image = {8, 8, 3},
                        .classes = 5,
                        .batch = kPrunedBatch,
                        .engine = EngineKind::kReference}) {
    std::vector<ParamProblem> problems;
    methods = attach_quantizers(
        network, {method, registry().at(method).resolve({}, problems)},
        {.first = "method", .last = "method", .bias = "float"}, {}, registry());
    network.build();
    pruner.emplace(network, spec ? &*spec : nullptr, methods);
  }

  void calibrate() {
    network.calibrate_weights();
    network.calibrate_activations(images.source(), true);
    network.finish_calibration();
  }

  void train(int steps) {
    const BatchSource source = images.source();
    Optimizer optimizer({.learning_rate = 0.05, .weight_decay = 0.01}, {},
                        network.parameters());
    for (int step = 0; step < steps; ++step) {
      network.train_step(source, Loss::kCrossEntropy, step);
      optimizer.step(0.05, step);
      network.clear_pruned();
    }
  }

  double dropout_rate() const {
    for (const auto& layer : network.layers()) {
      const auto* dropout = dynamic_cast<const DropoutLayer*>(layer.get());
      if (dropout != nullptr) return dropout->rate();
    }
    return 0;
  }

  std::vector<double> kept_shares() const {
    std::vector<double> shares;
    for (const WeightedLayer* layer : network.weighted_layers()) {
      const auto& kept = const_cast<WeightedLayer*>(layer)->weight_site().kept;
      const auto count = std::count(kept.begin(), kept.end(), 1.0f);
      shares.push_back(kept.empty() ? 1 : double(count) / double(kept.size()));
    }
    return shares;
  }
};

PruningSpec keep(double share) { return {.amounts = {{"*", share}}}; }

ModelSpec dropout_model() {
  return model({linear("fc1", "20"), layer("relu", "relu"),
                layer("drop", "dropout", {{"rate", word("0.5")}}),
                linear("fc2", "classes")});
}

}  // namespace

TEST_CASE("pruned weights stay 0 in training and in codes, under any method",
          "[pruning]") {
  const std::string method =
      GENERATE("float", "inq", "ttq", "bwn", "dorefa", "kmeans", "lsq");
  CAPTURE(method);
  Pruned run(method, keep(0.25));
  run.pruner->advance(0);
  run.calibrate();
  run.train(3);
  for (WeightedLayer* layer : run.network.weighted_layers()) {
    const BoundSite& site = layer->weight_site();
    REQUIRE(site.kept.size() == layer->weight().value.size());
    for (std::size_t i = 0; i < site.kept.size(); ++i) {
      if (site.kept[i] != 0) continue;
      CHECK(layer->weight().value[i] == 0);
      CHECK(layer->weight().gradient[i] == 0);
      if (site.is_quantized()) CHECK(site.quantized[i] == 0);
    }
  }
  run.network.prepare_evaluation();
  for (const NetworkTensor& tensor : encoded_tensors(run.network)) {
    if (!tensor.name.ends_with("/weight")) continue;
    const double share = 1 - double(tensor.pruned) / double(tensor.elements());
    CHECK(share == Approx(0.25).margin(0.01));
    const auto values = tensor.encoded ? tensor.encoded->values() : tensor.values;
    const auto zeros = std::count(values.begin(), values.end(), 0.0f);
    CHECK(std::size_t(zeros) >= tensor.pruned);
    // Evaluation sees what the codes say.
    for (WeightedLayer* layer : run.network.weighted_layers()) {
      const BoundSite& site = layer->weight_site();
      if (site.site.name != tensor.name || !site.is_quantized()) continue;
      CHECK(std::equal(values.begin(), values.end(), site.quantized.data()));
    }
  }
}

TEST_CASE("pruned binary weights have a code for zero", "[pruning]") {
  Pruned run("bwn", keep(0.5));
  run.pruner->advance(0);
  run.calibrate();
  for (const NetworkTensor& tensor : encoded_tensors(run.network)) {
    if (tensor.encoded) CHECK(tensor.encoded->grid.bits() == 2);
  }
}

TEST_CASE("layers have shares of their own; the first match counts", "[pruning]") {
  PruningSpec spec{.amounts = {{"conv1", 0.5}, {"conv*", 0.25}}};
  Pruned run("float", spec);
  run.pruner->advance(0);
  const auto shares = run.kept_shares();
  CHECK(shares.front() == Approx(0.5));
  CHECK(shares[1] == Approx(0.25));
  CHECK(shares.back() == 1);
}

TEST_CASE("a pattern behind others that take its layers is refused", "[pruning]") {
  PruningSpec spec{.amounts = {{"*", 0.5}, {"conv1", 0.1}}};
  CHECK_THROWS_WITH(Pruned("float", spec),
                    Contains("'conv1' has no effect: patterns before it take all"));
}

TEST_CASE("a pattern without a layer is refused", "[pruning]") {
  PruningSpec spec{.amounts = {{"ip*", 0.5}}};
  CHECK_THROWS_WITH(Pruned("float", spec),
                    Contains("'ip*' matches no layer") && Contains("conv1"));
}

TEST_CASE("gradual pruning follows the cubic curve", "[pruning]") {
  PruningSpec spec = keep(0.2);
  spec.schedule = "gradual";
  spec.begin = 0.2;
  spec.end = 0.6;
  spec.updates = 4;
  Pruned run("float", spec);
  run.pruner->advance(0.25);
  CHECK(run.kept_shares().back() == 1);
  run.pruner->advance(0.4);  // half of the way: 1 - 0.8 * 0.875
  CHECK(run.kept_shares().back() == Approx(0.3).margin(0.02));
  run.pruner->advance(1);
  CHECK(run.kept_shares().back() == Approx(0.2).margin(0.02));
}

TEST_CASE("rounds of pruning each take the same share of what is left", "[pruning]") {
  PruningSpec spec = keep(0.25);
  spec.schedule = "iterative";
  spec.rounds = 2;
  Pruned run("float", spec);
  run.pruner->advance(0);
  CHECK(run.kept_shares().back() == Approx(0.5).margin(0.02));
  run.pruner->advance(0.5);
  CHECK(run.kept_shares().back() == Approx(0.25).margin(0.02));
}

TEST_CASE("a global threshold compares the layers", "[pruning]") {
  PruningSpec spec = keep(0.5);
  spec.scope = "global";
  Pruned run("float", spec);
  run.pruner->advance(0);
  const auto shares = run.kept_shares();
  CHECK(*std::max_element(shares.begin(), shares.end()) >
        *std::min_element(shares.begin(), shares.end()) + 0.05);
}

TEST_CASE("dropout becomes less with the connections where the run asks for it",
          "[pruning][dropout]") {
  PruningSpec spec = keep(0.25);
  spec.schedule = "iterative";
  spec.rounds = 2;
  Pruned as_it_is("float", spec, dropout_model());
  as_it_is.pruner->advance(1);
  CHECK(as_it_is.dropout_rate() == 0.5);

  spec.scale_dropout = true;
  Pruned scaled("float", spec, dropout_model());
  CHECK(scaled.dropout_rate() == 0.5);
  scaled.pruner->advance(0);
  CHECK(scaled.dropout_rate() == Approx(0.5 * std::sqrt(0.5)));
  scaled.pruner->advance(0.5);
  CHECK(scaled.dropout_rate() == Approx(0.25));
}

TEST_CASE("Deep Compression scales dropout where it prunes by itself",
          "[pruning][dropout]") {
  Pruned wished("deep_compression", std::nullopt, dropout_model());
  wished.pruner->advance(0);
  CHECK(wished.dropout_rate() == Approx(0.5 * 0.3).margin(1e-4));  // 0.09 of 3840 weights
}

TEST_CASE("dropout cannot be scaled in a network without", "[pruning][dropout]") {
  PruningSpec spec = keep(0.25);
  spec.scale_dropout = true;
  CHECK_THROWS_WITH(Pruned("float", spec),
                    Contains("pruning.scale_dropout") && Contains("no dropout layer"));
}

TEST_CASE("a method prunes where the run says nothing of it", "[pruning]") {
  Pruned wished("deep_compression", std::nullopt);
  wished.pruner->advance(0);
  CHECK(wished.kept_shares().front() == Approx(0.35).margin(0.01));
  CHECK(wished.kept_shares().back() == Approx(0.09).margin(0.02));
  Pruned told("deep_compression", keep(0.5));
  told.pruner->advance(0);
  CHECK(told.kept_shares().front() == Approx(0.5).margin(0.01));
}

}  // namespace bitsweep
