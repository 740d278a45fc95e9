#include <vector>

#include "framework/engine/reference/integer.h"
#include "framework/engine/reference/integer_taps.h"

namespace bitsweep::reference {
namespace {

class PlainSplitConvolution final : public SplitConvolution {
 public:
  PlainSplitConvolution(const ConvolutionGeometry& geometry, const SplitCodes& codes,
                        int images)
      : g_(geometry), codes_(codes), images_(images) {}

  void pack_weights(std::span<const std::int8_t> weights,
                    std::span<const std::int32_t> start, std::span<const float> factors,
                    std::span<const float> bias) override {
    weights_.assign(weights.begin(), weights.end());
    start_.assign(start.begin(), start.end());
    factors_.assign(factors.begin(), factors.end());
    bias_.assign(bias.begin(), bias.end());
  }

  void forward(int /*slot*/, const void* high, const void* low,
               std::span<std::int32_t> /*sums*/, float* y) const override {
    std::vector<std::int64_t> sums(std::size_t(images_) * g_.output.elements());
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] = start_[i % start_.size()];
    visit_products(g_, images_, [&](auto output, auto weight, auto input) {
      if (input < 0) return;
      const std::int64_t x =
          256 * byte(high, codes_.high, input) + byte(low, codes_.low, input);
      sums[std::size_t(output)] += x * weights_[std::size_t(weight)];
    });
    for (std::size_t i = 0; i < sums.size(); ++i) {
      const std::size_t f = i % bias_.size();
      y[i] = float(sums[i]) * factors_[f] + bias_[f];
    }
  }

  std::string implementation() const override { return "reference"; }

 private:
  static std::int64_t byte(const void* codes, InputCodes form, std::ptrdiff_t at) {
    const int code = form.is_signed ? static_cast<const std::int8_t*>(codes)[at]
                                    : static_cast<const std::uint8_t*>(codes)[at];
    return code - form.zero_point;
  }

  ConvolutionGeometry g_;
  SplitCodes codes_;
  int images_;
  std::vector<std::int64_t> weights_, start_;
  std::vector<float> factors_, bias_;
};

}  // namespace

std::unique_ptr<SplitConvolution> make_split_convolution(
    const ConvolutionGeometry& geometry, const SplitCodes& codes, int images) {
  return std::make_unique<PlainSplitConvolution>(geometry, codes, images);
}

}  // namespace bitsweep::reference
