// Whether values are numbers, as fast as they can be read.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>

namespace bitsweep::kernels {

/// False where one is infinite or NaN.
inline bool all_finite(std::span<const float> x) {
  constexpr std::uint32_t kMagnitude = 0x7fffffff, kInfinite = 0x7f800000;
  std::uint32_t largest = 0;
  for (const float v : x) {
    largest = std::max(largest, std::bit_cast<std::uint32_t>(v) & kMagnitude);
  }
  return largest < kInfinite;
}

}  // namespace bitsweep::kernels
