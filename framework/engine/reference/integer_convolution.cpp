#include <algorithm>
#include <vector>

#include "framework/engine/reference/integer.h"
#include "framework/engine/reference/integer_taps.h"

namespace bitsweep::reference {
namespace {

class PlainConvolution final : public IntegerConvolution {
 public:
  PlainConvolution(const ConvolutionGeometry& geometry, InputCodes input, int images)
      : g_(geometry), input_(input), images_(images) {}

  void pack_weights(std::span<const std::int8_t> weights,
                    std::span<const std::int8_t> zero_points) override {
    const std::size_t taps = weights.size() / std::size_t(g_.output.channels);
    weights_.resize(weights.size());
    for (std::size_t i = 0; i < weights.size(); ++i) {
      weights_[i] = weights[i] - (zero_points.empty() ? 0 : zero_points[i / taps]);
    }
  }

  void forward(int /*slot*/, const void* x, std::int32_t* y) const override {
    const auto* unsigned_codes = static_cast<const std::uint8_t*>(x);
    const auto* signed_codes = static_cast<const std::int8_t*>(x);
    std::fill(y, y + std::size_t(images_) * g_.output.elements(), 0);
    visit_products(g_, images_, [&](auto output, auto weight, auto input) {
      if (input < 0) return;
      const int code = input_.is_signed ? signed_codes[input] : unsigned_codes[input];
      const int product = (code - input_.zero_point) * weights_[std::size_t(weight)];
      y[output] = std::int32_t(std::uint32_t(y[output]) + std::uint32_t(product));
    });
  }

  std::string implementation() const override { return "reference"; }

 private:
  ConvolutionGeometry g_;
  InputCodes input_;
  int images_;
  std::vector<int> weights_;  // less their zero point
};

}  // namespace

std::unique_ptr<IntegerConvolution> make_integer_convolution(
    const ConvolutionGeometry& geometry, InputCodes input, int images) {
  return std::make_unique<PlainConvolution>(geometry, input, images);
}

}  // namespace bitsweep::reference
