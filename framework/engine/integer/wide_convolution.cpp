#include "framework/engine/integer/wide_convolution.h"

#include <algorithm>

namespace bitsweep {
namespace {

constexpr std::size_t kVector = 16;  // 16-bit numbers in a vector of the baseline

std::size_t whole_vectors(std::size_t n) { return (n + kVector - 1) / kVector * kVector; }

// Sums of products of one patch with `filters` rows of weights. Four at a time, so that a
// patch is loaded once for four.
void products(const std::int16_t* __restrict patch,
              const std::int16_t* __restrict weights, std::size_t length, int filters,
              std::int32_t* __restrict sums) {
  int f = 0;
  for (; f + 4 <= filters; f += 4, weights += 4 * length) {
    std::int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    for (std::size_t i = 0; i < length; ++i) {
      s0 += std::int32_t(patch[i]) * weights[i];
      s1 += std::int32_t(patch[i]) * weights[length + i];
      s2 += std::int32_t(patch[i]) * weights[2 * length + i];
      s3 += std::int32_t(patch[i]) * weights[3 * length + i];
    }
    sums[f] = s0, sums[f + 1] = s1, sums[f + 2] = s2, sums[f + 3] = s3;
  }
  for (; f < filters; ++f, weights += length) {
    std::int32_t sum = 0;
    for (std::size_t i = 0; i < length; ++i) sum += std::int32_t(patch[i]) * weights[i];
    sums[f] = sum;
  }
}

}  // namespace

WideConvolution::WideConvolution(const ConvolutionGeometry& geometry, InputCodes input,
                                 int images, int slots)
    : g_(geometry),
      input_(input),
      images_(images),
      patch_(whole_vectors(std::size_t(g_.kernel.area() * g_.channels_per_group()))),
      weights_(std::size_t(g_.output.channels) * patch_) {
  for (int slot = 0; slot < slots; ++slot) {
    patches_.emplace_back(std::size_t(g_.output.width) * patch_);
  }
}

void WideConvolution::pack_weights(std::span<const std::int8_t> weights,
                                   std::span<const std::int8_t> zero_points) {
  const std::size_t taps = weights.size() / std::size_t(g_.output.channels);
  for (std::size_t f = 0; f < std::size_t(g_.output.channels); ++f) {
    const int zero_point = zero_points.empty() ? 0 : zero_points[f];
    for (std::size_t i = 0; i < taps; ++i) {
      weights_[f * patch_ + i] = std::int16_t(weights[f * taps + i] - zero_point);
    }
  }
}

template <class Code>
void WideConvolution::gather_row(const Code* image, int row, int group,
                                 std::int16_t* patches) const {
  const std::size_t depth = std::size_t(g_.channels_per_group());
  const auto zero_point = std::int16_t(input_.zero_point);
  for (int column = 0; column < g_.output.width; ++column) {
    std::int16_t* tap = patches + std::size_t(column) * patch_;
    for (int i = 0; i < g_.kernel.height; ++i) {
      for (int j = 0; j < g_.kernel.width; ++j, tap += depth) {
        const int h = down(g_).start(row) + i;
        const int w = along(g_).start(column) + j;
        if (h < 0 || w < 0 || h >= g_.input.height || w >= g_.input.width) {
          std::fill(tap, tap + depth, std::int16_t{0});
          continue;
        }
        const Code* pixel =
            image +
            (std::size_t(h) * g_.input.width + w) * std::size_t(g_.input.channels) +
            std::size_t(group) * depth;
        for (std::size_t c = 0; c < depth; ++c) {
          tap[c] = std::int16_t(pixel[c] - zero_point);
        }
      }
    }
  }
}

template <class Code>
void WideConvolution::forward_codes(int slot, const Code* x, std::int32_t* y) const {
  std::int16_t* patches = patches_[std::size_t(slot)].data();
  const int filters = g_.output.channels / g_.groups;
  const std::size_t columns = std::size_t(g_.output.width);
  for (int image = 0; image < images_; ++image, x += g_.input.elements()) {
    for (int row = 0; row < g_.output.height; ++row) {
      for (int group = 0; group < g_.groups; ++group) {
        gather_row(x, row, group, patches);
        const std::int16_t* weights =
            weights_.data() + std::size_t(group) * filters * patch_;
        for (std::size_t column = 0; column < columns; ++column) {
          products(patches + column * patch_, weights, patch_, filters,
                   y + column * std::size_t(g_.output.channels) + group * filters);
        }
      }
      y += columns * std::size_t(g_.output.channels);
    }
  }
}

void WideConvolution::forward(int slot, const void* x, std::int32_t* y) const {
  if (input_.is_signed) {
    forward_codes(slot, static_cast<const std::int8_t*>(x), y);
  } else {
    forward_codes(slot, static_cast<const std::uint8_t*>(x), y);
  }
}

}  // namespace bitsweep
