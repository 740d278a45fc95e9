// The plain twins of framework/engine/integer: they define what its kernels compute.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "framework/engine/integer/bit_convolution.h"
#include "framework/engine/integer/convolution.h"

namespace bitsweep::reference {

std::unique_ptr<IntegerConvolution> make_integer_convolution(
    const ConvolutionGeometry& geometry, InputCodes input, int images);

std::unique_ptr<BitConvolution> make_bit_convolution(const ConvolutionGeometry& geometry,
                                                     BitInput input, int images);

void pack_signs(std::span<const float> x, int channels, std::span<std::uint64_t> bits);
void pack_signs(std::span<const std::int8_t> x, int zero_point, int channels,
                std::span<std::uint64_t> bits);
void pack_planes(std::span<const std::uint8_t> x, int planes, int channels,
                 std::span<std::uint64_t> bits);

}  // namespace bitsweep::reference
