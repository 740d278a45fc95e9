// Activations of +1 and -1, for binarized networks and XNOR-Net.
#pragma once

#include <cmath>

#include "framework/core/random.h"
#include "framework/engine/elementwise.h"
#include "framework/engine/window_means.h"
#include "framework/quant/quantizer.h"
#include "methods/binaryconnect/sign.h"

namespace bitsweep::methods {

struct SignActivationSettings {
  StraightThrough straight_through = StraightThrough::kClip1;
  bool stochastic = false;  // in training +1 with probability hard_sigmoid(x)
};

class SignActivations : public Quantizer {
 public:
  SignActivations(const Site& site, const SignActivationSettings& settings)
      : settings_(settings), stream_(std::uint64_t(site.seed), site.name) {}

  void forward(std::span<const float> x, std::span<float> y,
               const Pass& pass) const override {
    if (!pass.training || !settings_.stochastic) {
      return transform(x, y, [](float v) { return sign(v); });
    }
    const auto draws = stream_.substream(std::uint64_t(pass.step));
    const auto first = std::uint32_t(pass.offset);
    for_each_indexed(x, [draws, first, to = y.data()](std::size_t i, float v) {
      const float u = draws.uniform_at(first + std::uint32_t(i));
      to[i] = u < hard_sigmoid(v) ? 1.0f : -1.0f;
    });
  }

  void backward(std::span<const float> x, std::span<const float> dy, std::span<float> dx,
                std::span<double>, const Pass&) const override {
    kernels::straight_through(settings_.straight_through, x, dy, 0, 0, dx);
  }

  void encode(std::span<const float> x, std::span<std::int32_t> codes) const override {
    transform(x, codes, [](float v) { return std::int32_t(v >= 0); });
  }

  Grid grid() const override { return {LevelGrid{.levels = {-1, 1}}}; }

 private:
  SignActivationSettings settings_;
  RandomStream stream_;
};

/// The same, with the mean of |x| over a pixel's channels as its scale.
class ScaledSigns final : public SignActivations, public PixelScaled {
 public:
  using SignActivations::SignActivations;

  void pixel_scales(std::span<const float> x, std::span<float> a,
                    const Pass&) const override {
    kernels::mean_magnitudes(x, a);
  }
};

}  // namespace bitsweep::methods
