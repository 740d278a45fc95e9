// DoReFa's weights and activations, which other methods use beside their own ideas:
// quantize_k(r) = round((2^k - 1) r) / (2^k - 1) for r in [0, 1], straight through in the
// backward pass. Zhou et al., arXiv:1606.06160, section 2; letters are the paper's.
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>

#include "framework/core/error.h"
#include "framework/core/tensor.h"
#include "framework/engine/reductions.h"
#include "framework/engine/vector_math.h"
#include "framework/quant/loops.h"
#include "framework/quant/pruning.h"
#include "framework/quant/quantizer.h"
#include "framework/quant/transforms_values.h"
#include "methods/binaryconnect/sign.h"

namespace bitsweep::methods {

// quantize_k as the code it chooses and that code's value on a unit grid from `low` to 1.
struct QuantizeK {
  QuantizeK(int bits, float low)
      : n(float((1 << bits) - 1)),
        scale((1 - low) / n),
        zero_point(low < 0 ? n / 2 : 0) {}

  float n;  // 2^k - 1
  float scale;
  float zero_point;

  // r is brought into [0, 1]; + 0 makes a rounded -0 the code 0.
  float code(float r) const {
    const float raised = r < 0 ? 0 : r;
    return std::rint(n * (raised > 1 ? 1 : raised)) + 0.0f;
  }
  float value(float code) const { return scale * (code - zero_point); }
  float operator()(float r) const { return value(code(r)); }

  UniformGrid grid() const {
    return {
        .low = 0, .high = std::int32_t(n), .scale = {scale}, .zero_point = {zero_point}};
  }
};

// The code of r as an integer; NaN takes 0.
inline std::int32_t integer_code(const QuantizeK& quantize, float r) {
  return std::int32_t(quantize.code(r == r ? r : 0.0f));
}

// k > 1: Wq = 2 quantize_k(tanh(W) / (2 max|tanh(W)|) + 1/2) - 1, the maximum over the
// layer.
class WeightLevels final : public Quantizer, public TransformsValues {
 public:
  explicit WeightLevels(int bits, bool through_max = false)
      : quantize_(bits, -1), through_max_(through_max) {}

  // tanh rises, so its largest value belongs to the largest weight. A layer of zeros is
  // divided by 1.
  void prepare(std::span<const float> w) override {
    if (tanh_.size() != w.size()) tanh_ = Buffer(w.size());
    const float peak = vector_tanh(kernels::max_abs(w));
    peak_ = peak > 0 ? peak : 1;
  }

  void forward(std::span<const float> w, std::span<float> y, const Pass&) const override {
    ensure(w.size() == tanh_.size(), "weights are prepared before they are quantized");
    for_each_indexed(w, [to = y.data(), kept = tanh_.data(), q = quantize_, m = peak_](
                            std::size_t i, float v) {
      const float t = vector_tanh(v);
      kept[i] = t;
      to[i] = q(unit(t, m));
    });
  }

  void encode(std::span<const float> w, std::span<std::int32_t> codes) const override {
    transform(w, codes, [q = quantize_, m = peak_](float v) {
      return integer_code(q, unit(vector_tanh(v), m));
    });
  }

  // tanh(W) / max|tanh(W)|.
  void transformed(std::span<const float> w, std::span<float> u) const override {
    transform(w, u, [m = peak_](float v) { return vector_tanh(v) / m; });
  }

  // dW = G (1 - tanh(W)^2) / m with m = max|tanh(W)| = |tanh(W_j)| held; through it,
  // element j receives dL/dm dm/dW_j besides, dL/dm = -sum(G tanh(W)) / m^2.
  void backward(std::span<const float> w, std::span<const float> g, std::span<float> dw,
                std::span<double>, const Pass&) const override {
    const std::size_t j = through_max_ ? largest(w) : 0;
    const float through =
        through_max_ ? gradient_of_max(g) * sign(w[j]) * slope(tanh_[j]) : 0;
    transform(tanh_.span(), g, dw,
              [m = peak_](float t, float gv) { return gv * (slope(t) / m); });
    if (through_max_) dw[j] += through;
  }

  Grid grid() const override { return {quantize_.grid()}; }

 private:
  // Of t = tanh(W).
  static float unit(float t, float peak) { return t / (2 * peak) + 0.5f; }
  static float slope(float t) { return 1 - t * t; }

  static std::size_t largest(std::span<const float> w) {
    const auto smaller = [](float a, float b) { return std::fabs(a) < std::fabs(b); };
    return std::size_t(std::max_element(w.begin(), w.end(), smaller) - w.begin());
  }

  float gradient_of_max(std::span<const float> g) const {
    const double sum =
        sum_over(g.size(),
                 [t = tanh_.data(), q = g.data()](std::size_t i) { return q[i] * t[i]; });
    return float(-sum / (double(peak_) * double(peak_)));
  }

  QuantizeK quantize_;
  bool through_max_;
  float peak_ = 1;  // max |tanh(W)|
  // tanh(W), which forward leaves for backward. Weights come whole, to one caller.
  mutable Buffer tanh_;
};

// k = 1: Wq = sign(W) E|W|, one scale a layer, E|W| a constant to gradients. Of a pruned
// layer E|W| is that of the weights which are left.
class WeightSigns final : public Quantizer, public KnowsPruned {
 public:
  void set_kept(std::span<const float> kept) override {
    pruned_ = std::size_t(std::count(kept.begin(), kept.end(), 0.0f));
  }
  void prepare(std::span<const float> w) override {
    const double left = std::max(double(w.size() - pruned_), 1.0);
    mean_ = float(kernels::mean_abs(w) * (double(w.size()) / left));
  }

  void forward(std::span<const float> w, std::span<float> y, const Pass&) const override {
    transform(w, y, [m = mean_](float v) { return m * sign(v); });
  }

  void encode(std::span<const float> w, std::span<std::int32_t> codes) const override {
    transform(w, codes, [](float v) { return std::int32_t(v >= 0); });
  }

  Grid grid() const override { return {LevelGrid{.levels = {-1, 1}, .scale = {mean_}}}; }

 private:
  float mean_ = 1;  // E|W|
  std::size_t pruned_ = 0;
};

// The bounds h, where `quantize_k` sees to clipping, and their slopes, given x and h(x).
struct Clip {
  static float of(float x) { return x; }
  static float slope(float, float h) { return (0 <= h) & (h <= 1) ? 1.0f : 0.0f; }
};
struct Abs {
  static float of(float x) { return std::fabs(x); }
  static float slope(float x, float h) { return h <= 1 ? std::copysign(1.0f, x) : 0.0f; }
};
struct Tanh {
  static float of(float x) { return (vector_tanh(x) + 1) / 2; }
  static float slope(float, float h) { return 2 * h * (1 - h); }
};

// xq = quantize_k(h(x)).
template <class Bound>
class UnitActivations final : public Quantizer, public TransformsValues {
 public:
  explicit UnitActivations(int bits) : quantize_(bits, 0) {}

  void forward(std::span<const float> x, std::span<float> y, const Pass&) const override {
    transform(x, y, [q = quantize_](float v) { return q(Bound::of(v)); });
  }
  void encode(std::span<const float> x, std::span<std::int32_t> codes) const override {
    transform(x, codes,
              [q = quantize_](float v) { return integer_code(q, Bound::of(v)); });
  }
  // h(x), not yet clipped.
  void transformed(std::span<const float> x, std::span<float> u) const override {
    transform(x, u, [](float v) { return Bound::of(v); });
  }
  void backward(std::span<const float> x, std::span<const float> dy, std::span<float> dx,
                std::span<double>, const Pass&) const override {
    transform(x, dy, dx,
              [](float v, float g) { return g * Bound::slope(v, Bound::of(v)); });
  }
  Grid grid() const override { return {quantize_.grid()}; }

 private:
  QuantizeK quantize_;
};

inline std::unique_ptr<Quantizer> make_dorefa_weights(int bits,
                                                      bool through_max = false) {
  if (bits == 1) return std::make_unique<WeightSigns>();
  return std::make_unique<WeightLevels>(bits, through_max);
}

}  // namespace bitsweep::methods
