#include <algorithm>
#include <cmath>
#include <stdexcept>

#include <catch2/catch.hpp>

#include "framework/nn/dropout_layer.h"
#include "framework/nn/pruned_site.h"
#include "tests/nn/networks.h"

using namespace bitsweep;

namespace {

constexpr int kBatch = 20;

Network network_of(std::vector<LayerSpec> layers) {
  return Network(model(std::move(layers)), {.image = {4, 4, 2},
                                            .classes = 5,
                                            .batch = kBatch,
                                            .engine = EngineKind::kReference});
}

LayerSpec dropout(const std::string& name, const std::string& rate) {
  return layer(name, "dropout", {{"rate", word(rate)}});
}

// Takes the first weights of a layer away, of each `of` one stays.
void keep_one_of(Network& network, const std::string& name, std::size_t of) {
  network.draw_weights();
  for (WeightedLayer* layer : network.weighted_layers()) {
    if (layer->name() != name) continue;
    std::vector<float> kept(layer->weight().value.size(), 0);
    std::fill_n(kept.begin(), kept.size() / of, 1.0f);
    set_kept(layer->weight_site(), std::move(kept));
  }
}

DropoutLayer& dropout_of(const Network& network, const std::string& name = "drop") {
  for (const auto& layer : network.layers()) {
    auto* const found = dynamic_cast<DropoutLayer*>(layer.get());
    if (found != nullptr && found->name() == name) return *found;
  }
  throw std::logic_error("no dropout layer");
}

double rate_behind_pruning(const Network& network, const std::string& name = "drop") {
  dropout_of(network, name).follow_pruning();
  return dropout_of(network, name).rate();
}

double share_of_zeros(const DropoutLayer& layer) {
  const auto values = layer.output().value.span();
  return double(std::count(values.begin(), values.end(), 0.0f)) / double(values.size());
}

}  // namespace

TEST_CASE("retraining drops with the root of the share of connections", "[dropout]") {
  CHECK(retraining_dropout(0.5, 0.08) == Approx(0.14142).margin(1e-5));
  CHECK(retraining_dropout(0.5, 0.25) == 0.25);
  CHECK(retraining_dropout(0.3, 1) == 0.3);
}

TEST_CASE("dropout follows the layer whose neurons it drops", "[dropout]") {
  Network network = network_of(
      {dropout("image", "0.2"), convolution("conv", 4, 3, {{"pad", word("1")}}),
       layer("bn", "batch_norm"), layer("relu", "relu"), layer("pool", "max_pool"),
       layer("flatten", "flatten"), dropout("pooled", "0.4"), linear("fc", "16"),
       dropout("drop", "0.5"), linear("last", "classes")});
  keep_one_of(network, "fc", 4);
  CHECK(rate_behind_pruning(network) == 0.25);
  CHECK(rate_behind_pruning(network, "pooled") == 0.4);
  keep_one_of(network, "conv", 4);
  CHECK(rate_behind_pruning(network, "pooled") == Approx(0.2));
  CHECK(rate_behind_pruning(network, "image") == 0.2);
}

TEST_CASE("dropout behind layers that are joined goes by their connections together",
          "[dropout]") {
  // As many weights each: 3 x 3 x 2 x 4.
  const auto branch = [](const std::string& name) {
    return convolution(name, 4, 3, {{"pad", word("1")}});
  };
  Network side_by_side =
      network_of({concat("join", {{branch("a"), layer("relu", "relu")}, {branch("b")}}),
                  dropout("drop", "0.5"), linear("last", "classes")});
  keep_one_of(side_by_side, "a", 2);
  keep_one_of(side_by_side, "b", 4);
  CHECK(rate_behind_pruning(side_by_side) == Approx(0.5 * std::sqrt(0.375)));

  Network residual = network_of(
      {branch("first"),
       layer("block", "residual", {{"shortcut", word("identity")}},
             {convolution("second", 4, 1), layer("bn", "batch_norm")}),
       layer("relu", "relu"), dropout("drop", "0.5"), linear("last", "classes")});
  keep_one_of(residual, "second", 4);  // 4 of 16 weights, beside the 72 of `first`
  CHECK(rate_behind_pruning(residual) == Approx(0.5 * std::sqrt(76.0 / 88)));
}

TEST_CASE("training drops at the scaled rate, evaluation not at all", "[dropout]") {
  Network network = network_of(
      {linear("fc", "400"), dropout("drop", "0.8"), linear("last", "classes")});
  network.build();
  const FixedBatch images(kBatch, {4, 4, 2}, 5);
  const DropoutLayer& drop = dropout_of(network);
  network.train_step(images.source(), Loss::kCrossEntropy, 0);
  // 8000 draws: three standard deviations are 0.014.
  CHECK(share_of_zeros(drop) == Approx(0.8).margin(0.014));

  keep_one_of(network, "fc", 4);
  dropout_of(network).follow_pruning();
  // Every neuron has a bias, so that only dropout makes a zero.
  for (WeightedLayer* layer : network.weighted_layers()) {
    for (Parameter* p : layer->parameters()) {
      if (p->name == "fc/bias") std::fill_n(p->value.data(), p->value.size(), 10.0f);
    }
  }
  network.train_step(images.source(), Loss::kCrossEntropy, 1);
  CHECK(share_of_zeros(drop) == Approx(0.4).margin(0.016));
  const auto values = drop.output().value.span();
  CHECK(*std::max_element(values.begin(), values.end()) == Approx(10 / 0.6).margin(8));

  network.prepare_evaluation();
  network.evaluate(images.source(), Loss::kCrossEntropy, kBatch, {});
  CHECK(share_of_zeros(drop) == 0);
}
