#include <algorithm>
#include <vector>

#include "framework/engine/reference/integer.h"
#include "framework/engine/reference/integer_taps.h"

namespace bitsweep::reference {
namespace {

class PlainBlockConvolution final : public BlockConvolution {
 public:
  PlainBlockConvolution(const ConvolutionGeometry& geometry, InputCodes input, int images,
                        std::size_t block)
      : g_(geometry), input_(input), images_(images), block_(block) {}

  void pack_weights(std::span<const std::int8_t> weights, std::span<const float> factors,
                    std::span<const float> bias) override {
    weights_.assign(weights.begin(), weights.end());
    factors_.assign(factors.begin(), factors.end());
    bias_.assign(bias.begin(), bias.end());
  }

  void forward(int /*slot*/, const void* x, float* y) const override {
    const auto* unsigned_codes = static_cast<const std::uint8_t*>(x);
    const auto* signed_codes = static_cast<const std::int8_t*>(x);
    const std::size_t outputs = std::size_t(images_) * g_.output.elements();
    const std::size_t filters = bias_.size();
    const std::size_t blocks = weights_.size() / filters / block_;
    std::vector<std::int32_t> sums(outputs * blocks);
    visit_products(g_, images_, [&](auto output, auto weight, auto input) {
      if (input < 0) return;
      const int code = input_.is_signed ? signed_codes[input] : unsigned_codes[input];
      const std::size_t b = std::size_t(weight) / block_ % blocks;
      sums[std::size_t(output) * blocks + b] +=
          (code - input_.zero_point) * weights_[std::size_t(weight)];
    });
    for (std::size_t i = 0; i < outputs; ++i) {
      const std::size_t f = i % filters;
      float value = 0;
      for (std::size_t b = 0; b < blocks; ++b) {
        value += float(sums[i * blocks + b]) * factors_[f * blocks + b];
      }
      y[i] = value + bias_[f];
    }
  }

  std::string implementation() const override { return "reference"; }

 private:
  ConvolutionGeometry g_;
  InputCodes input_;
  int images_;
  std::size_t block_;
  std::vector<int> weights_;
  std::vector<float> factors_, bias_;
};

}  // namespace

std::unique_ptr<BlockConvolution> make_block_convolution(
    const ConvolutionGeometry& geometry, InputCodes input, int images,
    std::size_t block) {
  return std::make_unique<PlainBlockConvolution>(geometry, input, images, block);
}

}  // namespace bitsweep::reference
