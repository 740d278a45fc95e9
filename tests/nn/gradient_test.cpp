// Gradients of whole small networks against finite differences, in the reference engine.

#include <cmath>
#include <map>
#include <set>

#include <catch2/catch.hpp>

#include "tests/nn/networks.h"

namespace bitsweep {
namespace {

constexpr ImageShape kImage{6, 6, 2};
constexpr int kClasses = 3;

const RawParams kPadded{{"pad", word("1")}};

RawParams pool(const char* rounding) {
  return {{"kernel", word("3")}, {"stride", word("2")}, {"rounding", word(rounding)}};
}

// A network for each kind of the layer table, and for the ways residual blocks add.
std::map<std::string, std::vector<LayerSpec>> cases() {
  const auto first = convolution("conv", 4, 3, kPadded);
  const auto end = linear("fc", "classes");
  const auto body = [](bool normalised) {
    std::vector<LayerSpec> layers{convolution("inner", 4, 3, kPadded)};
    if (normalised) layers.push_back(layer("norm", "batch_norm"));
    return layers;
  };
  const auto block = [&](const char* shortcut, std::vector<LayerSpec> layers) {
    return layer("block", "residual", {{"shortcut", word(shortcut)}}, std::move(layers));
  };
  const auto strided =
      convolution("inner", 8, 3, {{"pad", word("1")}, {"stride", word("2")}});
  const auto relu = layer("relu", "relu");
  return {
      {"convolution",
       {convolution("grouped", 4, 3, {{"groups", word("2")}, {"stride", word("2")}}),
        end}},
      {"depthwise",
       {layer("each", "depthwise", {{"multiplier", word("2")}, {"stride", word("2")}}),
        end}},
      {"convolution by sides",
       {layer("tall", "convolution",
              {{"filters", word("4")},
               {"kernel", words({"3", "1"})},
               {"stride", words({"2", "1"})},
               {"pad", words({"1", "0"})},
               {"init", word("he")}}),
        layer("wide", "depthwise",
              {{"kernel", words({"1", "4"})},
               {"stride", words({"1", "2"})},
               {"pad", word("same")}}),
        end}},
      {"pools by sides",
       {first,
        layer("largest", "max_pool",
              {{"kernel", words({"1", "3"})},
               {"stride", words({"1", "2"})},
               {"pad", words({"0", "0", "0", "1"})}}),
        layer("mean", "average_pool",
              {{"kernel", words({"3", "2"})},
               {"stride", words({"2", "1"})},
               {"pad", word("same")}}),
        end}},
      {"padded shortcut by sides",
       {first,
        block("padded", {layer("inner", "convolution",
                               {{"filters", word("8")},
                                {"stride", words({"1", "2"})},
                                {"pad", word("same")},
                                {"init", word("he")}})}),
        end}},
      {"projected shortcut by sides",
       {first,
        block("projected", {layer("inner", "convolution",
                                  {{"filters", word("5")},
                                   {"kernel", words({"3", "1"})},
                                   {"stride", words({"3", "1"})},
                                   {"pad", words({"1", "0"})},
                                   {"init", word("he")}})}),
        end}},
      {"linear", {linear("hidden", "7"), layer("tanh", "hard_tanh"), end}},
      {"max_pool", {first, layer("pool", "max_pool", pool("ceil")), end}},
      {"average_pool", {first, layer("pool", "average_pool", pool("ceil")), end}},
      {"global_average_pool", {first, layer("pool", "global_average_pool"), end}},
      {"relu", {first, relu, end}},
      {"relu6", {first, layer("relu", "relu6"), end}},
      {"hard_tanh", {first, layer("tanh", "hard_tanh"), end}},
      {"batch_norm", {first, layer("norm", "batch_norm"), end}},
      {"batch_norm and relu", {first, layer("norm", "batch_norm"), relu, end}},
      {"lrn",
       {first, layer("lrn", "lrn", {{"alpha", word("0.5")}, {"size", word("3")}}), end}},
      {"lrn within",
       {first,
        layer("lrn", "lrn",
              {{"region", word("within")}, {"alpha", word("0.5")}, {"size", word("3")}}),
        end}},
      {"dropout", {first, layer("drop", "dropout", {{"rate", word("0.4")}}), end}},
      {"flatten", {first, layer("flat", "flatten"), end}},
      {"identity shortcut", {first, block("identity", body(false)), end}},
      {"identity shortcut, fused", {first, block("identity", body(true)), relu, end}},
      {"identity shortcut, normalised", {first, block("identity", body(true)), end}},
      {"padded shortcut",
       {first, block("padded", {strided, layer("norm", "batch_norm")}), relu, end}},
      {"shortcut of what the body rectifies",
       {first, layer("norm0", "batch_norm"),
        block("identity", {layer("relu0", "relu"), convolution("inner", 4, 3, kPadded)}),
        end}},
      {"concat",
       {first,
        concat("side", {{convolution("one", 3, 1), layer("norm", "batch_norm"), relu},
                        {convolution("three", 2, 3, kPadded)}}),
        end}},
      {"concat with what it reads",
       {first,
        concat("side", {{layer("tanh", "hard_tanh")},
                        {layer("pool", "max_pool",
                               {{"kernel", word("1")}, {"stride", word("1")}})}}),
        end}},
      {"projected shortcut", {first, block("projected", {strided}), relu, end}},
  };
}

struct Probe {
  Network network;
  FixedBatch images;
  BatchSource source;
  Loss loss;

  Probe(const std::vector<LayerSpec>& layers, Loss kind, int batch)
      : network(model(layers), {.image = kImage,
                                .classes = kClasses,
                                .batch = batch,
                                .engine = EngineKind::kReference}),
        images(batch, kImage, kClasses),
        source(images.source()),
        loss(kind) {
    network.build();
  }

  double mean_loss() {
    return network.train_step(source, loss, 0).loss / network.batch();
  }
};

}  // namespace

TEST_CASE("gradients agree with finite differences", "[nn][gradient]") {
  const auto all = cases();
  std::vector<std::string> names;
  for (const auto& [name, layers] : all) names.push_back(name);
  const auto name = GENERATE_COPY(from_range(names));
  const auto loss = GENERATE(Loss::kCrossEntropy, Loss::kSquaredHinge);
  const int batch = GENERATE(7, 19);  // one image a slice; a shorter last slice
  CAPTURE(name, int(loss), batch);

  Probe probe(all.at(name), loss, batch);
  const double here = probe.mean_loss();
  int seen = 0, kinks = 0;
  for (Parameter* parameter : probe.network.parameters()) {
    probe.mean_loss();
    const std::vector<float> gradient(parameter->gradient.span().begin(),
                                      parameter->gradient.span().end());
    const std::size_t stride = std::max<std::size_t>(1, gradient.size() / 5);
    for (std::size_t i = 0; i < gradient.size(); i += stride) {
      constexpr float kStep = 1e-3f;
      const float before = parameter->value[i];
      parameter->value[i] = before + kStep;
      const double right = (probe.mean_loss() - here) / kStep;
      parameter->value[i] = before - kStep;
      const double left = (here - probe.mean_loss()) / kStep;
      parameter->value[i] = before;
      ++seen;
      // Where a ReLU, a maximum or the hinge bends within the step, the sides differ.
      if (std::fabs(right - left) > 4e-3 + 0.02 * std::fabs(right + left)) {
        ++kinks;
        continue;
      }
      // Between the slopes of both sides, which a small bend tells apart. A float loss of
      // about 1 is good to 1e-7, its difference over the step to 2e-4; the rest is for
      // curvature.
      const double bound = 2e-3 + 0.005 * std::fabs(gradient[i]);
      CAPTURE(parameter->name, i, left, right);
      CHECK(gradient[i] >= std::min(left, right) - bound);
      CHECK(gradient[i] <= std::max(left, right) + bound);
    }
  }
  CHECK(kinks * 3 <= seen);
}

TEST_CASE("every kind of layer has a gradient case", "[nn][gradient]") {
  const auto all = cases();
  for (const auto& kind : layer_table()) {
    CAPTURE(kind.kind);
    CHECK(all.count(kind.kind) == 1);
  }
}

}  // namespace bitsweep
