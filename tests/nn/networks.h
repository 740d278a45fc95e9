// Small networks for tests.
#pragma once

#include <string>
#include <vector>

#include "framework/core/random.h"
#include "framework/nn/network.h"

namespace bitsweep {

inline RawValue word(const std::string& text) { return RawValue::scalar(text); }

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

}  // namespace bitsweep
