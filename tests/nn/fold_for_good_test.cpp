// Batch normalisation folded into the weights before it, for good.
#include <cmath>
#include <map>

#include <catch2/catch.hpp>

#include "framework/nn/network.h"
#include "framework/train/optimizer.h"
#include "tests/nn/networks.h"

namespace bitsweep {

using Catch::Matchers::Contains;

TEST_CASE("batch normalisation folds as Jacob et al. fold it", "[nn][fold]") {
  // w = [0.31, -0.05, 0.127], gamma 1.5, beta 0.2, mean 0.3, variance 0.04, epsilon 1e-3.
  Network network(
      model({layer("fc", "linear", {{"outputs", word("1")}, {"bias", word("false")}}),
             layer("bn", "batch_norm", {{"epsilon", word("0.001")}}),
             linear("end", "classes")}),
      {.image = {1, 1, 3}, .classes = 2, .batch = 1});
  network.build();
  const std::map<std::string, std::vector<float>> values{
      {"fc/weight", {0.31f, -0.05f, 0.127f}},
      {"bn/scale", {1.5f}},
      {"bn/shift", {0.2f}},
      {"bn/running_mean", {0.3f}},
      {"bn/running_variance", {0.04f}}};
  for (const StateTensor& tensor : network.state()) {
    const auto own = values.find(tensor.name);
    if (own != values.end()) {
      std::copy(own->second.begin(), own->second.end(), tensor.values.begin());
    }
  }
  network.fold_normalisation();
  std::map<std::string, std::vector<float>> folded;
  for (const StateTensor& tensor : network.state()) {
    folded[tensor.name] = {tensor.values.begin(), tensor.values.end()};
  }
  CHECK(folded["fc/weight"][0] == Approx(2.29647131).epsilon(1e-6));
  CHECK(folded["fc/weight"][1] == Approx(-0.3703986).epsilon(1e-6));
  CHECK(folded["fc/weight"][2] == Approx(0.94081244).epsilon(1e-6));
  CHECK(folded["fc/bias"][0] == Approx(-2.02239159).epsilon(1e-6));
}

TEST_CASE("a folded network is the unfolded one, exact in double", "[nn][fold]") {
  // Weights and shifts in double, from the floats that both networks have.
  const auto spec = model({convolution("conv", 5, 3), layer("bn", "batch_norm"),
                           layer("relu", "relu"), linear("fc", "classes")});
  Network network(spec, {.image = {6, 6, 2}, .classes = 3, .batch = 4});
  network.build();
  const FixedBatch images(4, {6, 6, 2}, 3);
  Optimizer optimizer({.learning_rate = 0.1}, {}, network.parameters());
  for (int step = 0; step < 5; ++step) {
    network.train_step(images.source(), Loss::kCrossEntropy, step);
    optimizer.step(0.1, step);
  }
  const auto state = [&] {
    std::map<std::string, std::vector<double>> all;
    for (const StateTensor& t : network.state()) {
      all[t.name] = {t.values.begin(), t.values.end()};
    }
    return all;
  };
  const auto before = state();
  network.prepare_evaluation();
  network.evaluate(images.source(), Loss::kCrossEntropy, 4, {});
  const std::vector<float> logits(network.logits().begin(), network.logits().end());
  network.fold_normalisation();
  const auto after = state();
  for (std::size_t c = 0; c < 5; ++c) {
    const double factor =
        before.at("bn/scale")[c] / std::sqrt(before.at("bn/running_variance")[c] + 1e-5);
    for (std::size_t i = c * 18; i < (c + 1) * 18; ++i) {
      CHECK(after.at("conv/weight")[i] ==
            double(float(before.at("conv/weight")[i] * factor)));
    }
    CHECK(after.at("conv/bias")[c] ==
          double(float(before.at("bn/shift")[c] +
                       (before.at("conv/bias")[c] - before.at("bn/running_mean")[c]) *
                           factor)));
  }
  network.prepare_evaluation();
  network.evaluate(images.source(), Loss::kCrossEntropy, 4, {});
  for (std::size_t i = 0; i < logits.size(); ++i) {
    CHECK(network.logits()[i] == Approx(logits[i]).margin(1e-5));  // sums of floats
  }
}

TEST_CASE("a folded network trains without normalising", "[nn][fold]") {
  Network network(fire_model(), {.image = {12, 12, 3}, .classes = 5, .batch = 8});
  network.build();
  network.fold_normalisation();
  const FixedBatch images(8, {12, 12, 3}, 5);
  network.train_step(images.source(), Loss::kCrossEntropy, 0);
  const std::vector<float> training(network.logits().begin(), network.logits().end());
  network.prepare_evaluation();
  network.evaluate(images.source(), Loss::kCrossEntropy, 8, {});
  CHECK(training == std::vector<float>(network.logits().begin(), network.logits().end()));
  for (const Parameter* p : network.parameters()) {
    if (p->name.starts_with("bn")) CHECK(p->gradient[0] == 0);
  }
}

TEST_CASE("normalisation that follows no product cannot be folded", "[nn][fold]") {
  Network network(model({layer("bn", "batch_norm"), linear("fc", "classes")}),
                  {.image = {4, 4, 1}, .classes = 2, .batch = 1});
  network.build();
  CHECK_THROWS_WITH(network.fold_normalisation(),
                    Contains("bn: it cannot be folded: no convolution or linear layer"));
}

}  // namespace bitsweep
