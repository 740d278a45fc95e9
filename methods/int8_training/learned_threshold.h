// Symmetric grids whose end is learned as the logarithm of a threshold. Jain, Gural, Wu,
// Dick, "Trained Quantization Thresholds for Accurate and Efficient Fixed-Point Inference",
// arXiv:1903.08066, section 3; letters are the paper's:
//
//   s = 2^ceil(log2 t) / 2^(b-1), of values that cannot be negative / 2^b
//   q = s clip(round(x / s), n, p), round to even
//   dq/dx = 1 where n <= round(x / s) <= p, else 0
//   dq/d(log2 t) = s ln 2 (round(x / s) - x / s) there, s ln 2 n below, s ln 2 p above
//
// Departs in n of weights, -(2^(b-1) - 1): the code -2^(b-1) is never used.
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <numbers>
#include <string>
#include <vector>

#include "framework/engine/fake_quantize.h"
#include "framework/engine/reductions.h"
#include "framework/quant/loops.h"
#include "framework/quant/quantizer.h"
#include "framework/quant/range.h"
#include "framework/quant/uniform.h"

namespace bitsweep::methods {

class LearnedThreshold final : public Quantizer {
 public:
  struct Settings {
    int bits = 8;
    bool is_weight = true;
    bool is_signed = true;
    ChannelLayout layout;  // one group for activations
    std::string range;     // of activations, where t begins; of weights it is max|w|
    RangeOptions options;
  };

  LearnedThreshold(const std::string& site, const Settings& settings)
      : settings_(settings),
        high_((1 << (settings.bits - (settings.is_signed ? 1 : 0))) - 1),
        low_(!settings.is_signed  ? 0
             : settings.is_weight ? -high_
                                  : -high_ - 1),
        threshold_(site + ".log2_threshold", settings.layout.channels) {
    threshold_.minimum = kLeast;
    threshold_.decay_multiplier = 0;
    if (!settings_.is_weight) seen_ = estimator();
  }

  void calibrate(std::span<const float> x) override {
    if (!settings_.is_weight) return seen_->collect(x);
    for_each_group([&](std::size_t group) {
      threshold_.value[group] = start(kernels::max_abs(part(x, group)));
    });
  }
  void finish_calibration() override {
    if (settings_.is_weight) return;
    const Range range = seen_->range();
    threshold_.value[0] = start(std::max(std::fabs(range.low), std::fabs(range.high)));
    seen_ = estimator();
  }

  void forward(std::span<const float> x, std::span<float> y, const Pass&) const override {
    for_each_part(x, y, [](auto from, auto to, const UniformQuantization& q) {
      kernels::fake_quantize(from, q, Rounding::kHalfEven, to);
    });
  }
  void encode(std::span<const float> x, std::span<std::int32_t> codes) const override {
    for_each_part(x, codes, [](auto from, auto to, const UniformQuantization& q) {
      encode_uniform(from, to, q, Rounding::kHalfEven);
    });
  }

  void backward(std::span<const float> x, std::span<const float> dy, std::span<float> dx,
                std::span<double> sums, const Pass&) const override {
    for_each_group([&](std::size_t group) {
      const auto q = quantization(group);
      const float by = q.scale * std::numbers::ln2_v<float>;
      sums[group] += transform_and_sum(
          part(x, group), part(dy, group), part(dx, group), [q, by](float v, float g) {
            const float at = v / q.scale;
            const float code = std::nearbyint(at);
            const bool is_within = (q.low <= code) & (code <= q.high);
            const float clipped = code < q.low ? q.low : q.high;
            return ValueAndTerm{.value = is_within ? g : 0.0f,
                                .term = g * by * (is_within ? code - at : clipped)};
          });
    });
  }
  void finish_gradient(std::span<const double> sums) override {
    std::transform(sums.begin(), sums.end(), threshold_.gradient.data(),
                   [](double sum) { return float(sum); });
  }

  Grid grid() const override {
    UniformGrid grid{.low = low_, .high = high_, .scale = {}, .zero_point = {}};
    for (std::size_t group = 0; group < groups(); ++group) {
      grid.scale.push_back(quantization(group).scale);
    }
    grid.zero_point.resize(groups());
    return {std::move(grid), groups() > 1 ? settings_.layout : ChannelLayout{}};
  }
  std::vector<Parameter*> trainable() override { return {&threshold_}; }

 private:
  // Scales of normal floats, and largest values that are floats.
  static constexpr float kLeast = -100, kMost = 120;

  static float start(float threshold) {
    return threshold > 0 ? std::clamp(std::log2(threshold), kLeast, kMost) : 0.0f;
  }
  std::unique_ptr<RangeEstimator> estimator() const {
    return make_range_estimator(settings_.range, settings_.options);
  }

  std::size_t groups() const { return threshold_.value.size(); }
  UniformQuantization quantization(std::size_t group) const {
    const float log2_t = std::clamp(threshold_.value[group], kLeast, kMost);
    const int exponent = log2_t == log2_t ? int(std::ceil(log2_t)) : 0;
    return {.scale = std::ldexp(1.0f, exponent - settings_.bits + settings_.is_signed),
            .zero_point = 0,
            .low = float(low_),
            .high = float(high_)};
  }

  // Activations are one group, whatever their number.
  template <class T>
  std::span<T> part(std::span<T> values, std::size_t group) const {
    if (groups() == 1) return values;
    return values.subspan(group * settings_.layout.inner, settings_.layout.inner);
  }
  template <class Body>
  void for_each_group(Body body) const {
    if (groups() == 1) return body(std::size_t(0));
    parallel_blocks(int(groups()), [&](int group) { body(std::size_t(group)); });
  }
  template <class Out, class Body>
  void for_each_part(std::span<const float> x, std::span<Out> y, Body body) const {
    for_each_group([&](std::size_t group) {
      const auto from = part(x, group);
      const auto to = part(y, group);
      const auto q = quantization(group);
      parallel_ranges(from.size(), [&](std::size_t begin, std::size_t end) {
        body(from.subspan(begin, end - begin), to.subspan(begin, end - begin), q);
      });
    });
  }

  Settings settings_;
  std::int32_t high_, low_;
  Parameter threshold_;
  std::unique_ptr<RangeEstimator> seen_;  // of activations
};

}  // namespace bitsweep::methods
