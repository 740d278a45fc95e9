// Symbols to encode: flat or skewed towards one of them.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "framework/core/random.h"

namespace bitsweep {

inline std::vector<std::uint32_t> flat_symbols(std::size_t count,
                                               std::uint32_t alphabet) {
  const RandomStream random(1, "flat");
  std::vector<std::uint32_t> symbols(count);
  for (std::size_t i = 0; i < count; ++i) {
    symbols[i] = random.below_at(std::uint32_t(i), alphabet);
  }
  return symbols;
}

/// Geometric on both sides of `centre`, which a share `centre_share` takes.
inline std::vector<std::uint32_t> skewed_symbols(std::size_t count,
                                                 std::uint32_t alphabet,
                                                 std::uint32_t centre,
                                                 double centre_share = 0.5) {
  const RandomStream random(2, "skewed");
  std::vector<std::uint32_t> symbols(count);
  for (std::size_t i = 0; i < count; ++i) {
    const float u = random.uniform_at(std::uint32_t(2 * i));
    const bool up = random.bits_at(std::uint32_t(2 * i + 1)) & 1;
    const auto away = std::int64_t(std::log(u) / std::log(1 - centre_share));
    const std::int64_t symbol = std::int64_t(centre) + (up ? away : -away);
    symbols[i] = symbol < 0 || symbol >= alphabet ? centre : std::uint32_t(symbol);
  }
  return symbols;
}

}  // namespace bitsweep
