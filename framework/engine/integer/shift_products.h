// Power-of-two weights times integer codes by shifts: what hardware for LogNet or INQ
// does, in 64 bits. Where the exponents lie close together, `as_integers` makes weights
// of which `IntegerConvolution` gives the same sums much faster. Sources: Miyashita et
// al. 2016, arXiv:1603.01025; Zhou et al. 2017, arXiv:1702.03044.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "framework/engine/convolution.h"
#include "framework/engine/integer/convolution.h"

namespace bitsweep {

/// weight = sign * 2^exponent, [out][kernel][kernel][in / groups] each. A sign is -1, 0
/// or +1; exponents count from the layer's smallest, which goes into its scale.
struct ShiftWeights {
  std::span<const std::int8_t> signs;
  std::span<const std::uint8_t> exponents;
};

/// The weights as int8, or nothing where one does not fit: +2^7 is too large, -2^7 is
/// not.
std::optional<std::vector<std::int8_t>> as_integers(const ShiftWeights& weights);

/// y[image, pixel, out] = the sum of sign * ((x - zero_point) shifted left by exponent);
/// the border counts 0. Exponents up to 31; 2^23 products of any codes fit. One thread,
/// no allocation; x: [images, input] bytes as `input` says, y: [images, output].
void shift_convolution(const ConvolutionGeometry& geometry, InputCodes input, int images,
                       const void* x, const ShiftWeights& weights,
                       std::span<std::int64_t> y);

}  // namespace bitsweep
