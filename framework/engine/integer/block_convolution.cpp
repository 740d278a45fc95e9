#include "framework/engine/integer/block_convolution.h"

#include <algorithm>
#include <vector>

#include "framework/core/error.h"
#include "framework/engine/integer/aligned.h"
#include "framework/engine/reference/integer.h"

namespace bitsweep {
namespace {

constexpr std::size_t kBlockVector = 16;  // 16-bit numbers in a vector of the baseline

// A patch of the image and a filter lie block after block, each filled up with zeros to
// whole vectors.
class WideBlockConvolution final : public BlockConvolution {
 public:
  WideBlockConvolution(const ConvolutionGeometry& geometry, InputCodes input, int images,
                       int slots, std::size_t block)
      : g_(geometry),
        input_(input),
        images_(images),
        block_(block),
        room_((block + kBlockVector - 1) / kBlockVector * kBlockVector),
        blocks_(geometry.weight_elements() / std::size_t(geometry.output.channels) /
                block),
        weights_(std::size_t(geometry.output.channels) * blocks_ * room_) {
    for (int slot = 0; slot < slots; ++slot) {
      patches_.push_back({AlignedVector<std::int16_t>(blocks_ * block_),
                          AlignedVector<std::int16_t>(blocks_ * room_)});
    }
  }

  void pack_weights(std::span<const std::int8_t> weights, std::span<const float> factors,
                    std::span<const float> bias) override {
    for (std::size_t i = 0; i < weights.size(); ++i) {
      weights_[i / block_ * room_ + i % block_] = weights[i];
    }
    factors_.assign(factors.begin(), factors.end());
    bias_.assign(bias.begin(), bias.end());
  }

  void forward(int slot, const void* x, float* y) const override {
    if (input_.is_signed) {
      forward_codes(patches_[std::size_t(slot)], static_cast<const std::int8_t*>(x), y);
    } else {
      forward_codes(patches_[std::size_t(slot)], static_cast<const std::uint8_t*>(x), y);
    }
  }

  std::string implementation() const override { return "16-bit products"; }

 private:
  struct Patch {
    AlignedVector<std::int16_t> values;  // as they follow one another
    AlignedVector<std::int16_t> blocks;
  };

  template <class Code>
  void forward_codes(Patch& patch, const Code* x, float* y) const {
    for (int image = 0; image < images_; ++image, x += g_.input.elements()) {
      for (int row = 0; row < g_.output.height; ++row) {
        for (int column = 0; column < g_.output.width; ++column) {
          for (int group = 0; group < g_.groups; ++group) {
            gather(patch, x, row, column, group);
            y = multiply(patch, group, y);
          }
        }
      }
    }
  }

  template <class Code>
  void gather(Patch& patch, const Code* image, int row, int column, int group) const {
    const auto depth = std::size_t(g_.channels_per_group());
    const auto zero_point = std::int16_t(input_.zero_point);
    std::int16_t* tap = patch.values.data();
    for (int i = 0; i < g_.kernel.height; ++i) {
      for (int j = 0; j < g_.kernel.width; ++j, tap += depth) {
        const int h = down(g_).start(row) + i, w = along(g_).start(column) + j;
        if (h < 0 || w < 0 || h >= g_.input.height || w >= g_.input.width) {
          std::fill(tap, tap + depth, std::int16_t{0});
          continue;
        }
        const Code* const pixel =
            image +
            (std::size_t(h) * g_.input.width + w) * std::size_t(g_.input.channels) +
            std::size_t(group) * depth;
        for (std::size_t c = 0; c < depth; ++c) {
          tap[c] = std::int16_t(pixel[c] - zero_point);
        }
      }
    }
    for (std::size_t b = 0; b < blocks_; ++b) {
      std::copy_n(patch.values.data() + b * block_, block_,
                  patch.blocks.data() + b * room_);
    }
  }

  // The filters of a group at one pixel.
  float* multiply(const Patch& patch, int group, float* y) const {
    const auto filters = std::size_t(g_.output.channels / g_.groups);
    for (std::size_t f = std::size_t(group) * filters; f < (group + 1) * filters; ++f) {
      const std::int16_t* __restrict x = patch.blocks.data();
      const std::int16_t* __restrict w = weights_.data() + f * blocks_ * room_;
      const float* const factors = factors_.data() + f * blocks_;
      float value = 0;
      for (std::size_t b = 0; b < blocks_; ++b, x += room_, w += room_) {
        std::int32_t sum = 0;
        for (std::size_t i = 0; i < room_; ++i) sum += std::int32_t(x[i]) * w[i];
        value += float(sum) * factors[b];
      }
      *y++ = value + bias_[f];
    }
    return y;
  }

  ConvolutionGeometry g_;
  InputCodes input_;
  int images_;
  std::size_t block_, room_, blocks_;    // weights of a block, with zeros; of a filter
  AlignedVector<std::int16_t> weights_;  // [out][blocks][room]
  std::vector<float> factors_, bias_;
  mutable std::vector<Patch> patches_;  // one a slot
};

}  // namespace

std::unique_ptr<BlockConvolution> make_block_convolution(
    EngineKind kind, const ConvolutionGeometry& geometry, InputCodes input, int images,
    int slots, std::size_t block) {
  const auto filters = std::size_t(geometry.output.channels);
  ensure(block > 0 && geometry.weight_elements() / filters % block == 0,
         "blocks divide a filter");
  if (kind == EngineKind::kReference) {
    return reference::make_block_convolution(geometry, input, images, block);
  }
  return std::make_unique<WideBlockConvolution>(geometry, input, images, slots, block);
}

}  // namespace bitsweep
