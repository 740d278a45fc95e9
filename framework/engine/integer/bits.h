// Bits packed along channels: the operands of `BitConvolution`. A pixel's channels lie in
// whole 64-bit words, channel c in bit c % 64 of word c / 64; bits beyond the channels
// are 0. One thread; no allocation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace bitsweep {

/// The words of one pixel.
constexpr std::size_t bit_words(int channels) {
  return (std::size_t(channels) + 63) / 64;
}

namespace kernels {

/// Signs: bit 1 where x < 0, which stands for -1; so sign(0) = sign(-0) = sign(NaN) = +1.
/// x: [pixels, channels]; bits: [pixels, bit_words(channels)], written in full.
void pack_signs(std::span<const float> x, int channels, std::span<std::uint64_t> bits);
/// The same of codes: bit 1 where x < zero_point.
void pack_signs(std::span<const std::int8_t> x, int zero_point, int channels,
                std::span<std::uint64_t> bits);

/// The lowest `planes` (1 to 8) bits of each code: bits: [pixels, planes,
/// bit_words(channels)], plane b holding the bits that count 2^b.
void pack_planes(std::span<const std::uint8_t> x, int planes, int channels,
                 std::span<std::uint64_t> bits);

}  // namespace kernels
}  // namespace bitsweep
