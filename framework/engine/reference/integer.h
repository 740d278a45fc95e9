// The plain twins of framework/engine/integer: they define what its kernels compute.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "framework/engine/integer/bit_convolution.h"
#include "framework/engine/integer/block_convolution.h"
#include "framework/engine/integer/convolution.h"
#include "framework/engine/integer/pooling.h"
#include "framework/engine/integer/requantize.h"
#include "framework/engine/integer/split_convolution.h"
#include "framework/engine/integer/thresholds.h"

namespace bitsweep::reference {

std::unique_ptr<IntegerConvolution> make_integer_convolution(
    const ConvolutionGeometry& geometry, InputCodes input, int images);

std::unique_ptr<BlockConvolution> make_block_convolution(
    const ConvolutionGeometry& geometry, InputCodes input, int images, std::size_t block);

std::unique_ptr<SplitConvolution> make_split_convolution(
    const ConvolutionGeometry& geometry, const SplitCodes& codes, int images);

std::unique_ptr<BitConvolution> make_bit_convolution(const ConvolutionGeometry& geometry,
                                                     BitInput input, int images);

void pack_signs(std::span<const float> x, int channels, std::span<std::uint64_t> bits);
void pack_signs(std::span<const std::int8_t> x, int zero_point, int channels,
                std::span<std::uint64_t> bits);
void pack_planes(std::span<const std::uint8_t> x, int planes, int channels,
                 std::span<std::uint64_t> bits);

template <class Code>
void quantize_values(std::span<const float> x, float scale, CodeRange range,
                     std::span<Code> codes);
template <class Code>
void requantize(std::span<const std::int32_t> sums, std::span<const float> multipliers,
                std::span<const std::int32_t> bias, int channels, CodeRange range,
                std::span<Code> codes);
template <class Code>
void requantize_fixed_point(std::span<const std::int32_t> sums,
                            std::span<const FixedPointMultiplier> multipliers,
                            std::span<const std::int32_t> bias, int channels,
                            CodeRange range, std::span<Code> codes);

/// What `ThresholdCodes::encode` computes, T float or int32_t.
template <class T>
void threshold_codes(const ThresholdTable<T>& table, std::span<const T> x,
                     std::span<std::uint8_t> codes);

template <class Code>
void max_pool_codes(const PoolGeometry& geometry, int images, std::span<const Code> x,
                    std::span<Code> y);
template <class Code>
void sum_pool_codes(const PoolGeometry& geometry, int images, std::span<const Code> x,
                    int zero_point, std::span<std::int32_t> y);
template <class Code>
void global_sum_codes(ImageShape shape, int images, std::span<const Code> x,
                      int zero_point, std::span<std::int32_t> y);
template <class Code>
void relu_codes(std::span<const Code> x, int zero_point, std::span<Code> y);
void look_up(std::span<const std::uint8_t> x, std::span<const float> levels,
             std::span<float> y);

}  // namespace bitsweep::reference
