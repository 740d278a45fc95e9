// Small quantized networks, packed.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "framework/nn/attachment.h"
#include "framework/pack/executor.h"
#include "framework/pack/model_file.h"
#include "methods/builtin_methods.h"
#include "tests/nn/networks.h"

namespace bitsweep {

inline const EdgesSpec kAllButBias{.first = "method", .last = "method", .bias = "float"};
inline const EdgesSpec kEverything{.first = "method", .last = "method", .bias = "method"};

inline const MethodRegistry& all_methods() {
  static const MethodRegistry registry = [] {
    MethodRegistry all;
    register_builtin_methods(all);
    return all;
  }();
  return registry;
}

/// A network with a method on all its sites, trained for a step and calibrated.
struct Quantized {
  static constexpr int kBatch = 24;

  Quantized(ModelSpec spec, const std::string& method,
            std::vector<std::pair<const char*, const char*>> pairs, EdgesSpec edges = {},
            ImageShape image = {12, 12, 3})
      : network(spec, {.image = image, .classes = 5, .batch = kBatch}),
        batch(kBatch, image, 5),
        preprocessing(image, std::vector<float>(image.elements(), 0.5f),
                      std::vector<float>(image.elements(), -1)) {
    RawParams raw;
    for (const auto& [name, value] : pairs) raw[name] = word(value);
    std::vector<ParamProblem> problems;
    const MethodSpec chosen{.id = method,
                            .params = all_methods().at(method).resolve(raw, problems)};
    attach_quantizers(network, chosen, edges, {}, all_methods());
    network.draw_weights();
    draw_biases();
    network.build();
    network.calibrate_weights();
    network.calibrate_activations(batch.source(), true);
    network.finish_calibration();
    for (int step = 0; step < 3; ++step) {
      network.train_step(batch.source(), Loss::kCrossEntropy, step);
    }
    network.prepare_evaluation();
    network.evaluate(batch.source(), Loss::kCrossEntropy, kBatch, {});
  }

  // Where biases are 0, sums of codes that cancel give 0 on integers and any small float
  // in simulation, which a threshold at 0 tells apart.
  void draw_biases() {
    const RandomStream random(9, "biases");
    std::uint32_t draw = 0;
    for (Parameter* p : network.parameters()) {
      if (!p->name.ends_with("/bias") && !p->name.ends_with("/shift")) continue;
      for (float& value : p->value.span()) value = 0.3f * float(random.normal_at(draw++));
    }
  }

  PackedModel pack() { return pack_model(network, preprocessing, "a title", "shapes"); }
  std::vector<float> logits() const {
    return {network.logits().begin(), network.logits().end()};
  }
  /// Of the packed model, on the same images.
  std::vector<float> executed(const PackedModel& model, ExecutorOptions options) const {
    options.batch = kBatch;
    Executor executor(model, options);
    const auto source = batch.source();
    for (int i = 0; i < kBatch; ++i) source.load(i, executor.image(i));
    executor.run(kBatch);
    return {executor.logits().begin(), executor.logits().end()};
  }

  Network network;
  FixedBatch batch;
  Preprocessing preprocessing;
};

/// Convolutions, pools and linear layers in the usual order.
inline ModelSpec plain_model() {
  return model(
      {convolution("conv1", 8, 3), layer("bn1", "batch_norm"), layer("relu1", "relu"),
       layer("pool1", "max_pool"), convolution("conv2", 16, 3, {{"pad", word("1")}}),
       layer("bn2", "batch_norm"), layer("pool2", "max_pool"), layer("relu2", "relu"),
       linear("fc1", "20"), layer("relu3", "relu"), linear("fc2", "classes")});
}

/// Windows that are no squares, moves and borders that differ by side.
inline ModelSpec side_model() {
  const auto by_sides = [](const char* filters, RawValue kernel, RawValue stride,
                           RawValue pad) {
    return RawParams{{"filters", word(filters)},
                     {"kernel", std::move(kernel)},
                     {"stride", std::move(stride)},
                     {"pad", std::move(pad)},
                     {"init", word("he")}};
  };
  return model(
      {layer("conv1", "convolution",
             by_sides("8", words({"3", "1"}), word("1"), words({"1", "0"}))),
       layer("relu1", "relu"),
       layer("pool1", "max_pool",
             {{"kernel", words({"2", "3"})},
              {"stride", words({"2", "1"})},
              {"pad", words({"0", "1"})}}),
       layer("block", "residual", {{"shortcut", word("padded")}},
             {layer("conv2", "convolution",
                    by_sides("16", words({"1", "5"}), words({"1", "2"}), word("same"))),
              layer("bn2", "batch_norm")}),
       layer("relu2", "relu"),
       layer("each", "depthwise",
             {{"kernel", words({"3", "2"})}, {"pad", words({"0", "1", "2", "0"})}}),
       layer("relu3", "relu"),
       layer("pool2", "average_pool",
             {{"kernel", words({"1", "2"})},
              {"stride", words({"1", "2"})},
              {"pad", words({"0", "0", "0", "1"})}}),
       linear("fc", "classes")});
}

/// As binary networks have them: normalisation before each product.
inline ModelSpec sign_model() {
  return model(
      {convolution("conv1", 8, 3), layer("pool1", "max_pool"), layer("bn1", "batch_norm"),
       convolution("conv2", 16, 3, {{"pad", word("1")}}), layer("bn2", "batch_norm"),
       linear("fc1", "20"), layer("bn3", "batch_norm"), linear("fc2", "classes")});
}

}  // namespace bitsweep
