// What `affine` and its training have in common: codes with scale and zero point from
// ranges, one for each group of weights or one for activations.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "framework/quant/affine.h"
#include "framework/quant/affine_loops.h"
#include "framework/quant/quantizer.h"
#include "framework/quant/range.h"
#include "framework/schema/schema.h"

namespace bitsweep::methods {

// Of parameters that the methods have in common.
inline constexpr auto kRoundingHelp = "Ties, of codes, zero points and biases.";
inline constexpr auto kOrderHelp =
    "round(x / s) + z; round(x / s + z); or round(x (1 / s)) + z.";
inline constexpr auto kOperandsHelp =
    "Quantize what is added and concatenated as layer inputs are.";

inline OneOf roundings() { return one_of({"half_even", "half_away", "half_up"}); }
inline OneOf code_orders() { return one_of({"onnx", "tensorflow", "pytorch"}); }

/// `kind`: restricted, signed, unsigned or by_sign.
inline AffineCodes codes_for(const std::string& kind, const std::string& scheme, int bits,
                             bool is_signed) {
  const std::int32_t half = 1 << (bits - 1);
  AffineCodes codes{.low = -(half - 1), .high = half - 1};
  codes.symmetric = scheme == "symmetric";
  if (kind == "signed") codes.low = -half;
  if (kind == "unsigned" || (kind == "by_sign" && !is_signed)) {
    codes.low = 0;
    codes.high = 2 * half - 1;
    codes.centre = kind == "unsigned" ? half : 0;
  }
  return codes;
}

inline CodeOrder order_named(const std::string& name) {
  return name == "tensorflow" ? CodeOrder::kTensorflow
         : name == "pytorch"  ? CodeOrder::kPytorch
                              : CodeOrder::kOnnx;
}

struct AffineSettings {
  AffineCodes codes;
  std::string range;
  RangeOptions options;
  ChannelLayout layout;  // of weights, in groups
  bool is_parameter = true;
  bool follows = true;
};

/// Of weights in groups, or of activations with one range.
class AffineQuantizer : public Quantizer {
 public:
  explicit AffineQuantizer(AffineSettings settings)
      : settings_(std::move(settings)),
        groups_(settings_.layout.channels, affine_quantization({}, settings_.codes)) {
    if (!settings_.is_parameter) seen_ = estimator();
  }

  void calibrate(std::span<const float> x) override {
    settings_.is_parameter ? estimate(x) : seen_->collect(x);
  }
  void finish_calibration() override {
    if (settings_.is_parameter) return;
    set_range(range_seen());
    seen_ = estimator();
  }
  void prepare(std::span<const float> x) override {
    if (settings_.is_parameter && settings_.follows) estimate(x);
  }

  void forward(std::span<const float> x, std::span<float> y, const Pass&) const override {
    for_each_group(x, y, [this](auto from, auto to, const UniformQuantization& q) {
      quantize_affine(from, to, settings_.codes, q);
    });
  }

  void encode(std::span<const float> x, std::span<std::int32_t> codes) const override {
    for_each_group(x, codes, [this](auto from, auto to, const UniformQuantization& q) {
      encode_affine(from, to, settings_.codes, q);
    });
  }

  void backward(std::span<const float> x, std::span<const float> dy, std::span<float> dx,
                std::span<double> /*sums*/, const Pass&) const override {
    for_each_group(x, dx, [&](auto from, auto to, const UniformQuantization& q) {
      const auto g = dy.subspan(std::size_t(to.data() - dx.data()), to.size());
      pass_affine_gradient(from, g, to, settings_.codes, q);
    });
  }

  Grid grid() const override {
    UniformGrid grid{.low = settings_.codes.low,
                     .high = settings_.codes.high,
                     .scale = {},
                     .zero_point = {}};
    for (const auto& q : groups_) {
      grid.scale.push_back(q.scale);
      grid.zero_point.push_back(q.zero_point);
    }
    return {std::move(grid), groups_.size() > 1 ? settings_.layout : ChannelLayout{}};
  }

  void visit_state(StateVisitor& visitor) override {
    std::vector<float> scales, zero_points;
    for (const auto& q : groups_) {
      scales.push_back(q.scale);
      zero_points.push_back(q.zero_point);
    }
    visitor.values("scale", scales);
    visitor.values("zero_point", zero_points);
    for (std::size_t i = 0; i < std::min(groups_.size(), scales.size()); ++i) {
      groups_[i].scale = scales[i];
      groups_[i].zero_point = zero_points[i];
    }
  }

 protected:
  /// Of activations.
  void set_range(const Range& range) {
    groups_.front() = affine_quantization(range, settings_.codes);
  }
  /// Of what calibration has shown.
  Range range_seen() const { return seen_->range(); }

 private:
  std::unique_ptr<RangeEstimator> estimator() const {
    return make_range_estimator(settings_.range, settings_.options);
  }

  void estimate(std::span<const float> w) {
    const std::size_t size = settings_.layout.inner;
    parallel_blocks(int(groups_.size()), [&](int group) {
      const auto own = w.subspan(std::size_t(group) * size, size);
      groups_[std::size_t(group)] = quantization_of(own);
    });
  }

  UniformQuantization quantization_of(std::span<const float> w) const {
    if (settings_.range == "max_abs" || settings_.range == "min_max") {
      return affine_quantization_of(w, settings_.codes);  // training asks at each step
    }
    const auto own = estimator();
    own->collect(w);
    return affine_quantization(own->range(), settings_.codes);
  }

  // body(part of x, part of y, quantization) for each group.
  template <class Out, class Body>
  void for_each_group(std::span<const float> x, std::span<Out> y, Body body) const {
    if (groups_.size() == 1) return body(x, y, groups_.front());
    const std::size_t size = settings_.layout.inner;
    parallel_blocks(int(groups_.size()), [&](int group) {
      const std::size_t begin = std::size_t(group) * size;
      body(x.subspan(begin, size), y.subspan(begin, size), groups_[std::size_t(group)]);
    });
  }

  AffineSettings settings_;
  std::vector<UniformQuantization> groups_;
  std::unique_ptr<RangeEstimator> seen_;  // of activations
};

}  // namespace bitsweep::methods
