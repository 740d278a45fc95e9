// Weights of two values, H and -H, by their sign: BinaryConnect's, and those of binarized
// networks.
#pragma once

#include <cmath>
#include <memory>
#include <string>

#include "framework/core/random.h"
#include "framework/engine/elementwise.h"
#include "framework/quant/method.h"
#include "methods/binaryconnect/sign.h"

namespace bitsweep::methods {

/// sqrt(1.5 / (fan_in + fan_out)), Glorot's bound as the authors use it.
inline float glorot_bound(const Site& site) {
  return float(std::sqrt(1.5 / double(site.fan_in + site.fan_out)));
}

struct SignWeightSettings {
  float magnitude = 1;      // H
  float rate = 1;           // factor of the latent weights' learning rate
  bool decays = false;      // whether weight decay acts on them
  bool clips = true;        // latent weights to [-H, H] after each step
  bool stochastic = false;  // +H with probability hard_sigmoid(W / H), in training
  bool real_test = false;   // outside training weights are the latent ones
  bool restarts = false;    // latent weights begin uniform in (-H, H)
};

class SignWeights : public Quantizer, public AdoptsLatent, public ChangesLatent {
 public:
  SignWeights(const Site& site, const SignWeightSettings& settings)
      : settings_(settings), stream_(std::uint64_t(site.seed), site.name) {}

  void adopt(Parameter& latent) override {
    latent.learning_rate_multiplier *= settings_.rate;
    if (!settings_.decays) latent.decay_multiplier = 0;
    if (!settings_.restarts) return;
    const auto start = stream_.substream(~std::uint64_t{0});
    for (std::size_t i = 0; i < latent.value.size(); ++i) {
      latent.value[i] =
          settings_.magnitude * (2 * start.uniform_at(std::uint32_t(i)) - 1);
    }
  }

  void forward(std::span<const float> w, std::span<float> y,
               const Pass& pass) const override {
    const float h = settings_.magnitude;
    if (pass.training && settings_.stochastic) {
      const auto draws = stream_.substream(std::uint64_t(pass.step));
      for_each_indexed(w, [h, draws, to = y.data()](std::size_t i, float v) {
        to[i] = draws.uniform_at(std::uint32_t(i)) < hard_sigmoid(v / h) ? h : -h;
      });
    } else {
      transform(w, y, [h](float v) { return h * sign(v); });
    }
  }

  void encode(std::span<const float> w, std::span<std::int32_t> codes) const override {
    transform(w, codes, [](float v) { return std::int32_t(v >= 0); });
  }

  Grid grid() const override {
    return {LevelGrid{.levels = {-1, 1}, .scale = {settings_.magnitude}}};
  }

  void after_step(std::span<float> latent) override {
    if (settings_.clips) clip(latent, settings_.magnitude);
  }

 private:
  SignWeightSettings settings_;
  RandomStream stream_;
};

/// Outside training the weights are the latent ones.
class RealTestedWeights final : public SignWeights, public EvaluatesFloat {
 public:
  using SignWeights::SignWeights;

  void forward(std::span<const float> w, std::span<float> y,
               const Pass& pass) const override {
    if (pass.training) return SignWeights::forward(w, y, pass);
    if (w.data() != y.data()) kernels::copy(w, y);
  }
};

inline std::unique_ptr<Quantizer> make_sign_weights(const Site& site,
                                                    const SignWeightSettings& settings) {
  if (settings.real_test) return std::make_unique<RealTestedWeights>(site, settings);
  return std::make_unique<SignWeights>(site, settings);
}

/// The factor that keeps a step's size, relative to weights of Glorot's size, when the
/// network sees +-1: 1 / bound for an optimizer that normalises (Adam), its square for
/// SGD.
inline float latent_rate(const std::string& lr_scale, const Site& site) {
  const float s = 1 / glorot_bound(site);
  return lr_scale == "glorot" ? s : lr_scale == "glorot_squared" ? s * s : 1;
}

}  // namespace bitsweep::methods
