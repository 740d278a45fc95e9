// Integer convolution of codes that take two bytes: a product for each byte, both into
// exact 32-bit sums, which are put together exactly.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "framework/engine/integer/convolution.h"

namespace bitsweep {

/// x = 256 * (high - its zero point) + (low - its zero point). For x that fit int16 with
/// its sign: high is signed, low is not, and both zero points are 0.
struct SplitCodes {
  InputCodes high{.is_signed = true}, low{};
};

/// y[image, pixel, out] = float(start[out] + the sum of x * w) * factor[out] + bias[out].
/// The sum is exact in 64 bits, each float operation rounded by itself. The sum of each
/// half times w must fit 32 bits: up to 66311 weights of magnitude 127 in a filter do.
///
/// high, low: [images, input], bytes; y: [images, output]; `sums`: room for twice as many
/// values as y. None overlap. Weights are as in `Convolution`, start, factors and biases
/// [out]. Slots as there; `forward` allocates nothing beyond oneDNN's argument tables.
/// All implementations give the same bits.
class SplitConvolution {
 public:
  virtual ~SplitConvolution() = default;
  virtual void pack_weights(std::span<const std::int8_t> weights,
                            std::span<const std::int32_t> start,
                            std::span<const float> factors,
                            std::span<const float> bias) = 0;
  virtual void forward(int slot, const void* high, const void* low,
                       std::span<std::int32_t> sums, float* y) const = 0;
  /// "reference", or what runs for the bytes: "oneDNN ...", or "... and ...".
  virtual std::string implementation() const = 0;
};

std::unique_ptr<SplitConvolution> make_split_convolution(
    EngineKind kind, const ConvolutionGeometry& geometry, const SplitCodes& codes,
    int images, int slots);

}  // namespace bitsweep
