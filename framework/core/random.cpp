#include "framework/core/random.h"

#include <cmath>
#include <numbers>
#include <utility>

namespace bitsweep {
namespace {

// Finaliser of splitmix64.
std::uint64_t mix64(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

}  // namespace

RandomStream::RandomStream(std::uint64_t seed, std::string_view purpose) {
  std::uint64_t key = mix64(seed + 0x9e3779b97f4a7c15ULL);
  for (const unsigned char c : purpose) key = mix64(key ^ (c + 0x9e3779b97f4a7c15ULL));
  key_[0] = std::uint32_t(key);
  key_[1] = std::uint32_t(key >> 32);
}

RandomStream RandomStream::substream(std::uint64_t index) const {
  const std::uint64_t own = (std::uint64_t(key_[1]) << 32) | key_[0];
  const std::uint64_t key = mix64(own ^ mix64(index + 0x9e3779b97f4a7c15ULL));
  return {std::uint32_t(key), std::uint32_t(key >> 32)};
}

double RandomStream::normal_at(std::uint32_t index) const {
  const RandomStream second{key_[1], key_[0] ^ 0x5bd1e995U};
  const double u1 = (double(bits_at(index)) + 0.5) * 0x1p-32;
  const double u2 = (double(second.bits_at(index)) + 0.5) * 0x1p-32;
  return std::sqrt(-2 * std::log(u1)) * std::cos(2 * std::numbers::pi * u2);
}

void RandomStream::shuffle(std::span<std::uint32_t> order) const {
  for (std::uint32_t i = std::uint32_t(order.size()); i > 1; --i) {
    std::swap(order[i - 1], order[below_at(i, i)]);
  }
}

}  // namespace bitsweep
