// Batch normalisation as a part of the weights before it while both are trained.
#include <cmath>
#include <functional>

#include <catch2/catch.hpp>

#include "framework/core/error.h"
#include "framework/core/parallel.h"
#include "framework/nn/attachment.h"
#include "framework/nn/folded_normalisation.h"
#include "framework/quant/registry.h"
#include "framework/train/optimizer.h"
#include "methods/builtin_methods.h"
#include "tests/nn/networks.h"

namespace bitsweep {
namespace {

using Catch::Matchers::Contains;

constexpr ImageShape kFoldedImage{8, 8, 3};
constexpr int kFoldedClasses = 4;

struct FoldedProbe {
  Network network;
  FixedBatch images;
  BatchSource source;

  FoldedProbe(const ModelSpec& spec, int batch, bool folds,
              EngineKind engine = EngineKind::kReference)
      : network(spec, {.image = kFoldedImage,
                       .classes = kFoldedClasses,
                       .batch = batch,
                       .engine = engine}),
        images(batch, kFoldedImage, kFoldedClasses),
        source(images.source()) {
    if (folds) network.fold_in_training();
    network.build();
    // Biases and shifts that are not 0, and statistics unlike the batch's.
    const RandomStream random(3, "folding");
    std::uint32_t draw = 0;
    for (StateTensor& tensor : network.state()) {
      const auto is = [&](const char* end) { return tensor.name.ends_with(end); };
      for (float& v : tensor.values) {
        const float z = float(random.normal_at(draw++));
        if (is("/bias") || is("/shift") || is("/running_mean")) v = 0.3f * z;
        if (is("/scale") || is("/running_variance")) v = 1.2f + 0.3f * std::tanh(z);
      }
    }
  }

  double mean_loss() {
    return network.train_step(source, Loss::kCrossEntropy, 0).loss / network.batch();
  }
  std::vector<float> logits() const {
    return {network.logits().begin(), network.logits().end()};
  }
  std::vector<float> evaluated() {
    network.prepare_evaluation();
    network.evaluate(source, Loss::kCrossEntropy, network.batch(), {});
    return logits();
  }
  std::map<std::string, std::vector<float>> state() {
    std::map<std::string, std::vector<float>> all;
    for (const StateTensor& t : network.state()) {
      all[t.name] = {t.values.begin(), t.values.end()};
    }
    return all;
  }
};

// Behind convolutions of several kinds and linear layers; before an addition with its
// ReLU, and before none.
std::map<std::string, ModelSpec> folded_models() {
  const auto norm = [](const std::string& name) { return layer(name, "batch_norm"); };
  const RawParams padded{{"pad", word("1")}};
  return {
      {"convolution",
       model({convolution("conv", 4, 3), norm("bn"), convolution("next", 4, 3, padded),
              norm("bn2"), linear("fc", "classes")})},
      {"linear", model({linear("hidden", "9"), norm("bn"), linear("more", "6"),
                        norm("bn2"), linear("fc", "classes")})},
      {"depthwise", model({layer("each", "depthwise", {{"multiplier", word("2")}}),
                           norm("bn"), linear("fc", "classes")})},
      {"block", model({convolution("conv", 4, 3, padded), norm("bn"),
                       layer("block", "residual", {{"shortcut", word("identity")}},
                             {convolution("inner", 4, 3, padded), norm("bn2")}),
                       layer("relu", "relu"), linear("fc", "classes")})},
      {"projection", model({convolution("conv", 4, 3, padded), norm("bn"),
                            layer("block", "residual", {{"shortcut", word("projected")}},
                                  {convolution("inner", 6, 3, padded), norm("bn2")}),
                            linear("fc", "classes")})}};
}

MethodSpec folded_method(const MethodRegistry& registry, const std::string& id,
                         const RawParams& raw = {}) {
  std::vector<ParamProblem> problems;
  return {id, registry.at(id).resolve(raw, problems)};
}

}  // namespace

TEST_CASE("folding with the correction, worked", "[nn][fold]") {
  Network network(
      model({layer("fc", "linear", {{"outputs", word("1")}, {"bias", word("false")}}),
             linear("end", "classes")}),
      {.image = {1, 1, 3}, .classes = 2, .batch = 1});
  WeightedLayer& before = *network.weighted_layers().front();
  Parameter gamma("gamma", 1), beta("beta", 1);
  Buffer mean(1), variance(1);
  gamma.value[0] = 1.5f;
  beta.value[0] = 0.2f;
  mean[0] = 0.3f;
  variance[0] = 0.04f;
  FoldedNormalisation folded(before, {gamma, beta, mean, variance, 1e-3});
  const std::vector<float> w{0.31f, -0.05f, 0.127f};
  std::vector<float> v(3);
  folded.make(w, v);
  CHECK(v[0] == Approx(2.29647131).epsilon(1e-6));
  CHECK(v[1] == Approx(-0.3703986).epsilon(1e-6));
  CHECK(v[2] == Approx(0.94081244).epsilon(1e-6));
  const std::vector<float> batch_mean{0.35f}, batch_variance{0.0625f};
  std::vector<float> scale(1), shift(1);
  folded.take_batch(batch_mean, batch_variance, scale, shift);
  CHECK(1 / scale[0] == Approx(1.2445001).epsilon(1e-6));
  CHECK(shift[0] == Approx(-1.88339895).epsilon(1e-6));
  folded.take_running(scale, shift);
  CHECK(scale[0] == 1);
  CHECK(shift[0] == Approx(-2.02239159).epsilon(1e-6));
}

TEST_CASE("gradients through folding agree with finite differences",
          "[nn][fold][gradient]") {
  const auto all = folded_models();
  std::vector<std::string> names;
  for (const auto& [name, spec] : all) names.push_back(name);
  const auto name = GENERATE_COPY(from_range(names));
  const bool frozen = GENERATE(false, true);
  CAPTURE(name, frozen);
  // Without the ReLU, which bends within a step of finite differences.
  ModelSpec spec = all.at(name);
  std::erase_if(spec.layers, [](const LayerSpec& l) { return l.kind == "relu"; });
  FoldedProbe probe(spec, 11, true);  // a shorter last slice
  if (frozen) probe.network.freeze_normalisation();
  // Running statistics are constants of a step, but they move from one to the next.
  const auto start = probe.state();
  const auto loss = [&] {
    for (StateTensor& t : probe.network.state()) {
      if (t.name.find("/running_") == std::string::npos) continue;
      std::copy(start.at(t.name).begin(), start.at(t.name).end(), t.values.begin());
    }
    return probe.mean_loss();
  };
  for (Parameter* parameter : probe.network.parameters()) {
    loss();
    const std::vector<float> gradient(parameter->gradient.span().begin(),
                                      parameter->gradient.span().end());
    for (std::size_t i = 0; i < gradient.size(); i += 1 + gradient.size() / 2) {
      constexpr float kStep = 2e-3f;
      const float before = parameter->value[i];
      parameter->value[i] = before + kStep;
      const double right = loss();
      parameter->value[i] = before - kStep;
      const double left = loss();
      parameter->value[i] = before;
      // A float loss of about 1 is good to 1e-7, its difference over the step to 1e-4;
      // the rest is for curvature.
      CAPTURE(parameter->name, i);
      CHECK(gradient[i] == Approx((right - left) / (2 * kStep))
                               .margin(1e-3 + 0.005 * std::fabs(gradient[i])));
    }
  }
}

TEST_CASE("without quantizers the folded network trains as the unfolded one",
          "[nn][fold]") {
  const auto engine = GENERATE(EngineKind::kReference, EngineKind::kOneDnn);
  const bool frozen = GENERATE(false, true);
  CAPTURE(frozen);
  for (const auto& [name, spec] : folded_models()) {
    CAPTURE(name);
    const auto trained = [&spec = spec, engine, frozen](bool folds) {
      FoldedProbe probe(spec, 11, folds, engine);
      if (frozen) probe.network.freeze_normalisation();
      Optimizer optimizer({.learning_rate = 0.05}, {}, probe.network.parameters());
      std::vector<float> all;
      for (int step = 0; step < 3; ++step) {
        probe.network.train_step(probe.source, Loss::kCrossEntropy, step);
        const auto logits = probe.logits();
        all.insert(all.end(), logits.begin(), logits.end());
        optimizer.step(0.05, step);
      }
      for (const auto& [tensor, values] : probe.state()) {
        all.insert(all.end(), values.begin(), values.end());
      }
      const auto logits = probe.evaluated();
      all.insert(all.end(), logits.begin(), logits.end());
      return all;
    };
    const auto apart = trained(false), folded = trained(true);
    REQUIRE(apart.size() == folded.size());
    double farthest = 0;
    for (std::size_t i = 0; i < apart.size(); ++i) {
      farthest = std::max(farthest, double(std::fabs(apart[i] - folded[i])));
    }
    // Float sums of some hundred terms in another order, through three steps.
    CHECK(farthest < 2e-4);
  }
}

TEST_CASE("folded for good the network gives what it gave", "[nn][fold]") {
  FoldedProbe probe(mobile_model(), 8, true);
  Optimizer optimizer({.learning_rate = 0.05}, {}, probe.network.parameters());
  for (int step = 0; step < 3; ++step) {
    probe.network.train_step(probe.source, Loss::kCrossEntropy, step);
    optimizer.step(0.05, step);
  }
  const auto before = probe.evaluated();
  std::map<std::string, std::vector<float>> sources;
  for (WeightedLayer* each : probe.network.weighted_layers()) {
    const auto source = each->weight_site().before();
    sources[each->name() + "/weight"] = {source.begin(), source.end()};
  }
  probe.network.fold_normalisation();
  CHECK_FALSE(probe.network.folds_in_training());
  // The very weights that the quantizers were trained on.
  const auto state = probe.state();
  for (const auto& [name, values] : sources) CHECK(state.at(name) == values);
  const auto after = probe.evaluated();
  for (std::size_t i = 0; i < before.size(); ++i) {
    CHECK(after[i] == Approx(before[i]).margin(1e-5));  // the bias in the sum, or behind
  }
}

TEST_CASE("frozen statistics stay, and training gives what evaluation gives",
          "[nn][fold]") {
  const bool folds = GENERATE(false, true);
  CAPTURE(folds);
  FoldedProbe probe(mobile_model(), 8, folds);
  probe.mean_loss();
  const auto moving = probe.state();
  probe.mean_loss();
  CHECK(probe.state().at("bn2/running_mean") != moving.at("bn2/running_mean"));
  probe.network.freeze_normalisation();
  const auto frozen = probe.state();
  probe.mean_loss();
  CHECK(probe.state() == frozen);
  const auto training = probe.logits();
  CHECK(probe.evaluated() == training);
}

TEST_CASE("the number of threads changes no bit of folded training",
          "[nn][fold][invariance]") {
  const auto trained = [](int thread_count) {
    set_threads(thread_count);
    MethodRegistry registry;
    register_builtin_methods(registry);
    FixedBatch images(20, kFoldedImage, kFoldedClasses);
    Network network(mobile_model(),
                    {.image = kFoldedImage, .classes = kFoldedClasses, .batch = 20});
    attach_quantizers(network, folded_method(registry, "int8_training"), {}, {},
                      registry);
    network.build();
    Optimizer optimizer({.learning_rate = 0.05}, {}, network.parameters());
    for (int step = 0; step < 3; ++step) {
      network.train_step(images.source(), Loss::kCrossEntropy, step);
      optimizer.step(0.05, step);
    }
    set_threads(2);
    std::vector<float> all(network.logits().begin(), network.logits().end());
    for (const StateTensor& t : network.state()) {
      all.insert(all.end(), t.values.begin(), t.values.end());
    }
    return all;
  };
  const auto one = trained(1);
  CHECK(trained(2) == one);
  CHECK(trained(3) == one);
}

TEST_CASE("a normalisation that cannot be folded while training is refused",
          "[nn][fold]") {
  Network alone(model({layer("bn", "batch_norm"), linear("fc", "classes")}),
                {.image = {4, 4, 1}, .classes = 2, .batch = 1});
  CHECK_THROWS_AS(alone.fold_in_training(), ConfigError);

  MethodRegistry registry;
  register_builtin_methods(registry);
  Network network(mobile_model(),
                  {.image = kFoldedImage, .classes = kFoldedClasses, .batch = 2});
  CHECK_THROWS_WITH(
      attach_quantizers(network, folded_method(registry, "int8_training"), {},
                        {{"pointwise1/weight", folded_method(registry, "inq"), {}}},
                        registry),
      Contains("pointwise1/weight: method 'inq' changes the weights themselves") &&
          Contains("fold_batch_norm: false"));
}

}  // namespace bitsweep
