// A layer whose quantizers' health is watched.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "framework/quant/transforms_values.h"
#include "framework/train/health.h"
#include "tests/nn/networks.h"

namespace bitsweep {

/// Quantizes to a grid that it is given, with a learned parameter that it does not use.
class OnGrid : public Quantizer {
 public:
  explicit OnGrid(const Grid& grid, Parameter* learned = nullptr)
      : grid_(grid), learned_(learned) {}

  void forward(std::span<const float> x, std::span<float> y, const Pass&) const override {
    std::vector<std::int32_t> codes(x.size());
    encode(x, codes);
    grid_.decode(codes, y);
  }
  Grid grid() const override { return grid_; }
  std::vector<Parameter*> trainable() override {
    if (learned_ != nullptr) return {learned_};
    return {};
  }

 private:
  Grid grid_;
  Parameter* learned_;
};

/// As BinaryConnect's stochastic weights: signs in training, float outside it.
class FloatOutside final : public OnGrid, public EvaluatesFloat {
 public:
  using OnGrid::OnGrid;
};

/// Rounds twice the value.
class Doubled final : public OnGrid, public TransformsValues {
 public:
  using OnGrid::OnGrid;
  void encode(std::span<const float> x, std::span<std::int32_t> codes) const override {
    std::vector<float> u(x.size());
    transformed(x, u);
    OnGrid::encode(u, codes);
  }
  void transformed(std::span<const float> x, std::span<float> u) const override {
    std::transform(x.begin(), x.end(), u.begin(), [](float v) { return 2 * v; });
  }
};

/// Codes -3 to 3 in steps of a half: values beyond 1.75 are clipped.
inline Grid halves() { return UniformGrid{.low = -3, .high = 3, .scale = {0.5f}}; }

/// One linear layer from `inputs` to two classes, batches of two images.
struct Tiny {
  Network network;
  Curves curves;
  std::vector<std::string> warnings;
  std::optional<QuantizerHealth> health;

  explicit Tiny(int inputs = 4)
      : network(model({linear("fc", "classes")}),
                {.image = {1, 1, inputs}, .classes = 2, .batch = 2}) {}

  WeightedLayer& fc() { return *network.weighted_layers().front(); }
  BoundSite& site(Role role) {
    for (BoundSite* bound : network.sites()) {
      if (bound->site.role == role) return *bound;
    }
    throw std::out_of_range("no site of that role");
  }

  void attach(Role role, std::unique_ptr<Quantizer> quantizer) {
    network.attach(site(role), std::move(quantizer));
  }
  void build() {
    network.build();
    health.emplace(network,
                   [this](const std::string& text) { warnings.push_back(text); });
  }
  void set_weights(const std::vector<float>& values) {
    std::copy(values.begin(), values.end(), fc().weight().value.data());
  }
  /// A training step over two images of these values.
  void step(const std::vector<float>& images) {
    network.train_step({.load =
                            [&](int index, std::span<float> image) {
                              const auto from =
                                  images.begin() + std::ptrdiff_t(image.size()) * index;
                              std::copy_n(from, image.size(), image.begin());
                            },
                        .label = [](int) { return 0; }},
                       Loss::kCrossEntropy, 0);
  }
  void observe() { health->observe(curves); }
  double last(const std::string& curve) const { return curves.at(curve).back(); }
};

}  // namespace bitsweep
