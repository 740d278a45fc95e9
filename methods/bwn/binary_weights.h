// alpha sign(W): the least-squares binary approximation of each filter, as BWN, XNOR-Net
// and HWGQ-Net use it. Rastegari et al., ECCV 2016, section 3.1; letters are the paper's.
// Of pruned filters that of the weights which are left.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "framework/engine/elementwise.h"
#include "framework/engine/reductions.h"
#include "framework/quant/loops.h"
#include "framework/quant/pruning.h"
#include "framework/quant/quantizer.h"
#include "framework/quant/transforms_values.h"
#include "methods/binaryconnect/sign.h"

namespace bitsweep::methods {

struct BinaryWeightSettings {
  enum class Gradient {
    kExact,     // through alpha, sign and centring
    kPaper,     // G (1/n + alpha where |W| < 1)
    kIdentity,  // G
  };
  bool per_layer = false;  // one alpha for all filters
  Gradient gradient = Gradient::kExact;
  bool center = true;  // less the mean over the input channels
  float clip = 1;      // of latent weights after each step; 0: none
};

inline BinaryWeightSettings::Gradient binary_gradient_named(const std::string& name) {
  using Gradient = BinaryWeightSettings::Gradient;
  return name == "identity" ? Gradient::kIdentity
         : name == "paper"  ? Gradient::kPaper
                            : Gradient::kExact;
}

// Weights that share a mean: the input channels of one kernel position, or, where nothing
// is centred, a whole filter. A filter is `count` of them.
struct Stretches {
  std::size_t count = 1;
  std::size_t size = 1;
};

inline Stretches stretches(const Site& site, bool center) {
  const std::size_t filter = site.channels.inner;
  const auto inputs = std::size_t(site.shape.back());
  return center && inputs > 1 ? Stretches{filter / inputs, inputs} : Stretches{1, filter};
}

inline float mean(std::span<const float> v) {
  return float(kernels::sum(v) / double(v.size()));
}

class BinaryWeights final : public Quantizer,
                            public ChangesLatent,
                            public KnowsPruned,
                            public TransformsValues {
 public:
  BinaryWeights(const BinaryWeightSettings& settings, const Site& site)
      : settings_(settings),
        centers_(settings.center && site.shape.back() > 1),
        in_filter_(stretches(site, settings.center)),
        layout_(site.channels),
        left_(layout_.channels * in_filter_.count, in_filter_.size),
        means_(layout_.channels * in_filter_.count),
        alphas_(layout_.channels) {
    count_left();
  }

  void set_kept(std::span<const float> kept) override {
    left_.set_kept(kept);
    count_left();
  }

  void prepare(std::span<const float> w) override {
    for_each_filter([&](std::size_t filter) {
      double total = 0;
      for_each_stretch(filter, [&](std::size_t index, std::size_t begin) {
        const auto own = w.subspan(begin, in_filter_.size);
        if (centers_) means_[index] = mean_of_left(own, index);
        total += sum_over(own.size(), [p = own.data(), m = means_[index]](std::size_t i) {
          return std::fabs(double(p[i]) - double(m));
        });
        total -= double(left_.pruned_in(index)) * std::fabs(double(means_[index]));
      });
      alphas_[filter] = float(total / filter_size(filter));
    });
    if (per_layer()) std::fill(alphas_.begin(), alphas_.end(), mean_of_filters(alphas_));
  }

  void forward(std::span<const float> w, std::span<float> y, const Pass&) const override {
    map(w, y, [](float v, float alpha) { return alpha * sign(v); });
  }

  void encode(std::span<const float> w, std::span<std::int32_t> codes) const override {
    map(w, codes, [](float v, float) { return std::int32_t(v >= 0); });
  }

  // V.
  void transformed(std::span<const float> w, std::span<float> u) const override {
    map(w, u, [](float v, float) { return v; });
  }

  void backward(std::span<const float> w, std::span<const float> g, std::span<float> dw,
                std::span<double>, const Pass&) const override {
    switch (settings_.gradient) {
      case BinaryWeightSettings::Gradient::kIdentity:
        return kernels::copy(g, dw);
      case BinaryWeightSettings::Gradient::kPaper:
        return paper_gradient(w, g, dw);
      case BinaryWeightSettings::Gradient::kExact:
        return exact_gradient(w, g, dw);
    }
  }

  Grid grid() const override {
    LevelGrid grid{.levels = {-1, 1}, .scale = alphas_};
    if (per_layer()) grid.scale.resize(1);
    return {std::move(grid), layout_};
  }

  void after_step(std::span<float> latent) override {
    if (settings_.clip != 0) clip(latent, settings_.clip);
  }

 private:
  // dW = G (1/n + alpha 1[|V| < 1]).
  void paper_gradient(std::span<const float> w, std::span<const float> g,
                      std::span<float> dw) const {
    for_each_filter([&](std::size_t filter) {
      const double layer = std::max(double(all_left_), 1.0);
      const float share = 1 / float(per_layer() ? layer : filter_size(filter));
      map_filter(filter, w, g, dw, [share](float v, float gv, float alpha) {
        return gv * (share + (std::fabs(v) < 1 ? alpha : 0.0f));
      });
    });
  }

  // dV = sign(V) / n sum_j(G_j sign(V_j)) + alpha 1[|V| < 1] G, where the sum is over the
  // n weights that share alpha; dW is dV less its mean over the input channels. G is 0
  // where weights are pruned.
  void exact_gradient(std::span<const float> w, std::span<const float> g,
                      std::span<float> dw) const {
    const auto through_alpha = alpha_gradients(w, g);
    for_each_filter([&](std::size_t filter) {
      const float common = through_alpha[filter];
      map_filter(filter, w, g, dw, [common](float v, float gv, float alpha) {
        return sign(v) * common + (std::fabs(v) < 1 ? alpha * gv : 0.0f);
      });
      if (centers_) center_filter(filter, dw);
    });
  }

  // For each filter dL/dalpha / n.
  std::vector<float> alpha_gradients(std::span<const float> w,
                                     std::span<const float> g) const {
    std::vector<float> along(layout_.channels);
    for_each_filter([&](std::size_t filter) {
      double total = 0;
      for_each_stretch(filter, [&](std::size_t index, std::size_t begin) {
        total += sum_over(in_filter_.size,
                          [p = w.data() + begin, q = g.data() + begin, m = means_[index]](
                              std::size_t i) { return double(q[i] * sign(p[i] - m)); });
      });
      along[filter] = float(total / filter_size(filter));
    });
    if (per_layer()) std::fill(along.begin(), along.end(), mean_of_filters(along));
    return along;
  }

  void center_filter(std::size_t filter, std::span<float> dw) const {
    for_each_stretch(filter, [&](std::size_t index, std::size_t begin) {
      const auto own = dw.subspan(begin, in_filter_.size);
      left_.clear(own, index);
      transform(std::span<const float>(own), own,
                [m = mean_of_left(own, index)](float v) { return v - m; });
    });
  }

  // Of a stretch, what is pruned being 0.
  float mean_of_left(std::span<const float> own, std::size_t index) const {
    return float(kernels::sum(own) / std::max(double(left_.in(index)), 1.0));
  }

  // Of a value for each filter that is a mean over what is left there.
  float mean_of_filters(std::vector<float> means) const {
    const double even = std::max(double(all_left_), 1.0) / double(layout_.channels);
    for (std::size_t i = 0; i < means.size(); ++i) {
      means[i] *= float(double(filter_left_[i]) / even);
    }
    return mean(means);
  }

  void count_left() {
    filter_left_.assign(layout_.channels, 0);
    all_left_ = 0;
    for (std::size_t filter = 0; filter < filter_left_.size(); ++filter) {
      for_each_stretch(filter, [&](std::size_t index, std::size_t) {
        filter_left_[filter] += left_.in(index);
      });
      all_left_ += filter_left_[filter];
    }
  }
  double filter_size(std::size_t filter) const {
    return std::max(double(filter_left_[filter]), 1.0);
  }

  // y = f(V, alpha).
  template <class Out, class F>
  void map(std::span<const float> w, std::span<Out> y, F f) const {
    for_each_filter([&](std::size_t filter) {
      for_each_stretch(filter, [&](std::size_t index, std::size_t begin) {
        transform(w.subspan(begin, in_filter_.size), y.subspan(begin, in_filter_.size),
                  [f, m = means_[index], alpha = alphas_[filter]](float v) {
                    return f(v - m, alpha);
                  });
      });
    });
  }

  // dw = f(V, g, alpha).
  template <class F>
  void map_filter(std::size_t filter, std::span<const float> w, std::span<const float> g,
                  std::span<float> dw, F f) const {
    for_each_stretch(filter, [&](std::size_t index, std::size_t begin) {
      transform(w.subspan(begin, in_filter_.size), g.subspan(begin, in_filter_.size),
                dw.subspan(begin, in_filter_.size),
                [f, m = means_[index], alpha = alphas_[filter]](float v, float gv) {
                  return f(v - m, gv, alpha);
                });
    });
  }

  template <class Body>
  void for_each_filter(Body body) const {
    parallel_blocks(int(layout_.channels),
                    [&](int filter) { body(std::size_t(filter)); });
  }

  // Calls `body(index, begin)`: which stretch of the tensor, and its first weight.
  template <class Body>
  void for_each_stretch(std::size_t filter, Body body) const {
    const std::size_t first = filter * in_filter_.count;
    for (std::size_t index = first; index < first + in_filter_.count; ++index) {
      body(index, index * in_filter_.size);
    }
  }

  bool per_layer() const { return settings_.per_layer; }

  BinaryWeightSettings settings_;
  bool centers_;
  Stretches in_filter_;
  ChannelLayout layout_;
  LeftWeights left_;                      // of each stretch
  std::vector<std::size_t> filter_left_;  // weights of each filter
  std::size_t all_left_ = 0;
  std::vector<float> means_;   // of each stretch; 0 where nothing is centred
  std::vector<float> alphas_;  // of each filter
};

}  // namespace bitsweep::methods
