// Integer convolution with weights whose scale changes within a filter, block by block:
// the products of a block are added on integers, the blocks in float.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "framework/engine/integer/convolution.h"

namespace bitsweep {

/// y[image, pixel, out] = the sum over blocks b, in their order, of
/// float(the sum over the block of (x - zero_point) * w) * factor[out, b], then + bias[out];
/// each operation rounded by itself. A block is `block` weights of a filter that lie
/// together, which must divide the filter; its sum must fit 32 bits.
///
/// x: [images, input], bytes; y: [images, output]; they must not overlap. Weights are as
/// in `Convolution`, factors [out][blocks], biases [out]. Slots as there; `forward` does
/// not allocate. All implementations give the same bits.
class BlockConvolution {
 public:
  virtual ~BlockConvolution() = default;
  virtual void pack_weights(std::span<const std::int8_t> weights,
                            std::span<const float> factors,
                            std::span<const float> bias) = 0;
  virtual void forward(int slot, const void* x, float* y) const = 0;
  /// "reference" or "16-bit products".
  virtual std::string implementation() const = 0;
};

std::unique_ptr<BlockConvolution> make_block_convolution(
    EngineKind kind, const ConvolutionGeometry& geometry, InputCodes input, int images,
    int slots, std::size_t block);

}  // namespace bitsweep
