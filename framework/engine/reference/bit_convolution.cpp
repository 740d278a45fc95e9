#include <algorithm>
#include <vector>

#include "framework/engine/reference/integer.h"
#include "framework/engine/reference/integer_taps.h"

namespace bitsweep::reference {
namespace {

class PlainBitConvolution final : public BitConvolution {
 public:
  PlainBitConvolution(const ConvolutionGeometry& geometry, BitInput input, int images)
      : g_(geometry), planes_(input.planes), images_(images) {}

  void pack_weights(std::span<const std::int8_t> weights) override {
    weights_.assign(weights.begin(), weights.end());
  }

  void forward(int /*slot*/, const std::uint64_t* x, std::int32_t* y) const override {
    std::fill(y, y + std::size_t(images_) * g_.output.elements(), 0);
    visit_products(g_, images_, [&](auto output, auto weight, auto input) {
      if (input >= 0) y[output] += value(x, int(input)) * weights_[std::size_t(weight)];
    });
  }

  std::string implementation() const override { return "reference"; }

 private:
  int value(const std::uint64_t* x, int input) const {
    const int pixel = input / g_.input.channels, channel = input % g_.input.channels;
    const std::size_t words = bit_words(g_.input.channels);
    const auto bit = [&](int plane) {
      const std::size_t row = std::size_t(pixel * std::max(planes_, 1) + plane);
      return int((x[row * words + std::size_t(channel / 64)] >> (channel % 64)) & 1);
    };
    if (planes_ == 0) return bit(0) == 1 ? -1 : 1;
    int code = 0;
    for (int plane = 0; plane < planes_; ++plane) code += bit(plane) << plane;
    return code;
  }

  ConvolutionGeometry g_;
  int planes_, images_;
  std::vector<std::int8_t> weights_;
};

// Bit `channel` of row `row`.
void set_bit(std::span<std::uint64_t> bits, std::size_t row, int channels, int channel) {
  bits[row * bit_words(channels) + std::size_t(channel / 64)] |= std::uint64_t{1}
                                                                 << (channel % 64);
}

}  // namespace

std::unique_ptr<BitConvolution> make_bit_convolution(const ConvolutionGeometry& geometry,
                                                     BitInput input, int images) {
  return std::make_unique<PlainBitConvolution>(geometry, input, images);
}

void pack_signs(std::span<const float> x, int channels, std::span<std::uint64_t> bits) {
  std::fill(bits.begin(), bits.end(), 0);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::size_t depth = std::size_t(channels);
    if (x[i] < 0) set_bit(bits, i / depth, channels, int(i % depth));
  }
}

void pack_signs(std::span<const std::int8_t> x, int zero_point, int channels,
                std::span<std::uint64_t> bits) {
  std::fill(bits.begin(), bits.end(), 0);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::size_t depth = std::size_t(channels);
    if (x[i] < zero_point) set_bit(bits, i / depth, channels, int(i % depth));
  }
}

void pack_planes(std::span<const std::uint8_t> x, int planes, int channels,
                 std::span<std::uint64_t> bits) {
  std::fill(bits.begin(), bits.end(), 0);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::size_t depth = std::size_t(channels);
    for (int plane = 0; plane < planes; ++plane) {
      const std::size_t row = i / depth * std::size_t(planes) + std::size_t(plane);
      if ((x[i] >> plane) & 1) set_bit(bits, row, channels, int(i % depth));
    }
  }
}

}  // namespace bitsweep::reference
