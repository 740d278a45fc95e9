// Small networks for tests.
#pragma once

#include <string>
#include <vector>

#include "framework/core/random.h"
#include "framework/nn/network.h"

namespace bitsweep {

inline RawValue word(const std::string& text) { return RawValue::scalar(text); }

inline RawValue words(std::vector<std::string> each) {
  return RawValue::list(std::move(each));
}

inline LayerSpec layer(const std::string& name, const std::string& kind,
                       RawParams params = {}, std::vector<LayerSpec> body = {}) {
  return {name, kind, std::move(params), std::move(body), {}};
}

inline LayerSpec convolution(const std::string& name, int filters, int kernel,
                             RawParams more = {}) {
  more["filters"] = word(std::to_string(filters));
  more["kernel"] = word(std::to_string(kernel));
  more.emplace("init", word("he"));
  return layer(name, "convolution", std::move(more));
}

inline LayerSpec linear(const std::string& name, const std::string& outputs) {
  return layer(name, "linear", {{"outputs", word(outputs)}});
}

inline LayerSpec concat(const std::string& name,
                        std::vector<std::vector<LayerSpec>> branches) {
  LayerSpec spec = layer(name, "concat");
  for (auto& branch : branches) {
    spec.body.push_back(layer(name + "/branch", "branch", {}, std::move(branch)));
  }
  return spec;
}

inline ModelSpec model(std::vector<LayerSpec> layers) {
  ModelSpec spec;
  spec.id = "test";
  spec.layers = std::move(layers);
  return spec;
}

/// A batch of normal images that stays the same.
class FixedBatch {
 public:
  FixedBatch(int batch, ImageShape shape, int classes, std::uint64_t seed = 7)
      : images_(std::size_t(batch) * shape.elements()), classes_(classes) {
    const RandomStream random(seed, "test images");
    for (std::size_t i = 0; i < images_.size(); ++i) {
      images_[i] = float(random.normal_at(std::uint32_t(i)));
    }
  }
  BatchSource source() const {
    return {.load =
                [this](int index, std::span<float> image) {
                  const float* from = images_.data() + std::size_t(index) * image.size();
                  std::copy(from, from + image.size(), image.data());
                },
            .label = [this](int index) { return (index * 7 + 3) % classes_; }};
  }

 private:
  Buffer images_;
  int classes_;
};

/// Convolutions, batch normalisation, a padded residual block and a linear layer.
inline ModelSpec residual_model() {
  return model(
      {convolution("conv1", 4, 3, {{"pad", word("1")}, {"bias", word("false")}}),
       layer("bn1", "batch_norm"), layer("relu1", "relu"),
       layer("block", "residual", {{"shortcut", word("padded")}},
             {convolution("conv2", 8, 3, {{"pad", word("1")}, {"stride", word("2")}}),
              layer("bn2", "batch_norm"), layer("relu2", "relu"),
              convolution("conv3", 8, 3, {{"pad", word("1")}}),
              layer("bn3", "batch_norm")}),
       layer("relu3", "relu"), layer("pool", "global_average_pool"),
       linear("fc", "classes")});
}

/// A fire module: what is squeezed is expanded by two kinds of filters, side by side.
inline ModelSpec fire_model() {
  return model({convolution("conv1", 8, 3, {{"bias", word("false")}}),
                layer("bn1", "batch_norm"), layer("relu1", "relu"),
                convolution("squeeze", 6, 1), layer("relu2", "relu"),
                concat("fire", {{convolution("expand1", 8, 1, {{"bias", word("false")}}),
                                 layer("bn2", "batch_norm"), layer("relu3", "relu")},
                                {convolution("expand3", 12, 3, {{"pad", word("1")}}),
                                 layer("relu4", "relu")}}),
                layer("pool", "max_pool"), linear("fc", "classes")});
}

/// Depthwise separable convolutions with relu6, one of them around an identity.
inline ModelSpec mobile_model() {
  const auto depthwise = [](const std::string& name, RawParams params) {
    params["pad"] = word("1");
    params["init"] = word("he");
    return layer(name, "depthwise", std::move(params));
  };
  return model(
      {convolution("conv1", 8, 3, {{"bias", word("false")}}), layer("bn1", "batch_norm"),
       layer("relu1", "relu6"),
       depthwise("depthwise1", {{"stride", word("2")}, {"multiplier", word("2")}}),
       layer("bn2", "batch_norm"), layer("relu2", "relu6"),
       convolution("pointwise1", 16, 1), layer("bn3", "batch_norm"),
       layer("relu3", "relu6"),
       layer("block", "residual", {{"shortcut", word("identity")}},
             {depthwise("depthwise2", {}), layer("bn4", "batch_norm"),
              layer("relu4", "relu6"), convolution("pointwise2", 16, 1),
              layer("bn5", "batch_norm")}),
       layer("pool", "global_average_pool"), linear("fc", "classes")});
}

}  // namespace bitsweep
