#include "framework/quant/product_bias.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "framework/engine/elementwise.h"

namespace bitsweep {
namespace {

constexpr std::int32_t kMost = std::numeric_limits<std::int32_t>::max();

class ProductBias final : public Quantizer, public FollowsProduct {
 public:
  ProductBias(std::size_t count, Rounding rounding)
      : rounding_(rounding), scales_(count, 1.0f) {}

  void follow(const Grid& inputs, const Grid& weights) override {
    const auto scales = product_scales(inputs, weights, scales_.size());
    if (scales.empty()) return;
    scales_ = scales;
    bits_ = product_bits(inputs);
  }

  void forward(std::span<const float> x, std::span<float> y,
               const Pass& pass) const override {
    if (pass.training) return kernels::copy(x, y);
    for (std::size_t i = 0; i < x.size(); ++i) y[i] = scale(i) * float(code(x[i], i));
  }

  void encode(std::span<const float> x, std::span<std::int32_t> codes) const override {
    for (std::size_t i = 0; i < x.size(); ++i) codes[i] = code(x[i], i);
  }

  Grid grid() const override {
    UniformGrid grid{.low = -kMost,
                     .high = kMost,
                     .scale = scales_,
                     .zero_point = std::vector<float>(scales_.size(), 0.0f),
                     .sum_bits = bits_};
    return {std::move(grid),
            scales_.size() > 1 ? ChannelLayout{scales_.size(), 1} : ChannelLayout{}};
  }

 private:
  float scale(std::size_t i) const { return scales_[i % scales_.size()]; }

  // In double: codes have more bits than a float.
  std::int32_t code(float x, std::size_t i) const {
    const double steps = rounded(double(x) / scale(i), rounding_);
    if (std::isnan(steps)) return 0;
    return std::int32_t(std::clamp(steps, -double(kMost), double(kMost)));
  }

  Rounding rounding_;
  std::vector<float> scales_;
  int bits_ = 32;  // of the sums that it is added to
};

}  // namespace

std::unique_ptr<Quantizer> make_product_bias_quantizer(std::size_t count,
                                                       Rounding rounding) {
  return std::make_unique<ProductBias>(count, rounding);
}

}  // namespace bitsweep
