// Convolution with weights -1, 0 and +1 on packed bits: xor and popcount for binary
// networks, a mask more for ternary weights, bit planes for activations of few bits.
// Sources: Courbariaux et al. 2016, arXiv:1602.02830 (xor and popcount); Zhou et al.
// 2016, arXiv:1606.06160, equation 3 (bit planes).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "framework/engine/convolution.h"
#include "framework/engine/integer/bits.h"

namespace bitsweep {

/// What the bits of an activation stand for.
struct BitInput {
  int planes = 0;  // 0: signs (`pack_signs`); 1 to 8: unsigned codes (`pack_planes`)
};

/// y[image, pixel, out] = the sum of x * w over the taps inside the image: the border
/// counts 0, which is neither of two signs. Exact.
///
/// x: [images, pixels, max(1, planes), bit_words(channels)], bits beyond the channels 0;
/// y: [images, output]; they must not overlap. Weights are [out][kernel height]
/// [kernel width][in / groups], each -1, 0 or +1; without zeros the inner loop is shorter.
///
/// Slots as in `Convolution`; `forward` does not allocate. Groups are all right, but only
/// quick when they have tens of channels and filters.
class BitConvolution {
 public:
  virtual ~BitConvolution() = default;
  virtual void pack_weights(std::span<const std::int8_t> weights) = 0;
  virtual void forward(int slot, const std::uint64_t* x, std::int32_t* y) const = 0;
  /// What runs: "reference", "AVX-512 popcount", "AVX2" or "words".
  virtual std::string implementation() const = 0;
};

std::unique_ptr<BitConvolution> make_bit_convolution(EngineKind kind,
                                                     const ConvolutionGeometry& geometry,
                                                     BitInput input, int images,
                                                     int slots);

struct BitKernel;

/// What this CPU can run, the best first; and a convolution that runs it.
std::span<const BitKernel> usable_bit_kernels();
std::unique_ptr<BitConvolution> make_bit_convolution(const BitKernel& kernel,
                                                     const ConvolutionGeometry& geometry,
                                                     BitInput input, int images,
                                                     int slots);

}  // namespace bitsweep
