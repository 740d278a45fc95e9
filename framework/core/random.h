// Random numbers that name their purpose. Each draw is a function of (seed, purpose,
// index), so a new draw in one place leaves all others as they were, and loops may draw
// in any order and on any number of threads.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace bitsweep {

/// A stream of random numbers, addressed by index; a value, cheap to copy.
///
/// The generator hashes (key, index) with two rounds of Wellons' `triple32` mixer, whose
/// 32-bit multiplications the compiler can vectorise.
class RandomStream {
 public:
  RandomStream(std::uint64_t seed, std::string_view purpose);

  /// The stream for part `index` of this one's purpose (a step, an epoch, a layer).
  RandomStream substream(std::uint64_t index) const;

  /// 32 uniform bits at `index`; only the low 32 bits of the index are used.
  std::uint32_t bits_at(std::uint32_t index) const {
    return mix(mix(index ^ key_[0]) ^ key_[1]);
  }

  /// Uniform in the open interval (0, 1), a multiple of 2^-24 plus 2^-25.
  float uniform_at(std::uint32_t index) const {
    return (float(bits_at(index) >> 8) + 0.5f) * 0x1p-24f;
  }

  /// Standard normal by Box-Muller, in double precision.
  double normal_at(std::uint32_t index) const;

  /// Uniform integer in [0, bound), bound >= 1, by multiplication of a 32-bit draw.
  std::uint32_t below_at(std::uint32_t index, std::uint32_t bound) const {
    return std::uint32_t((std::uint64_t(bits_at(index)) * bound) >> 32);
  }

  /// Fisher-Yates over `order`.
  void shuffle(std::span<std::uint32_t> order) const;

 private:
  RandomStream(std::uint32_t key0, std::uint32_t key1) : key_{key0, key1} {}

  static constexpr std::uint32_t mix(std::uint32_t x) {
    x ^= x >> 17;
    x *= 0xed5ad4bbU;
    x ^= x >> 11;
    x *= 0xac4c1b51U;
    x ^= x >> 15;
    x *= 0x31848babU;
    x ^= x >> 14;
    return x;
  }

  std::uint32_t key_[2];
};

}  // namespace bitsweep
