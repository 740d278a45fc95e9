// Codes most of which mean zero, kept as (distance to the one before, code) pairs: the
// relative index of Deep Compression, section 2 and figure 2 (Han, Mao, Dally, ICLR
// 2016).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace bitsweep {

inline constexpr int kWidestSkip = 16;

/// Entry i stands skips[i] + 1 elements behind entry i - 1, the first one behind element
/// -1, and holds codes[i]. Where a gap is longer than 2^skip_bits, entries of code `zero`
/// fill it, each with the largest skip.
struct SparseCodes {
  int skip_bits = 0;                 // 0 to 16
  std::vector<std::uint32_t> skips;  // below 2^skip_bits
  std::vector<std::uint32_t> codes;  // as many
};

/// Row-major over the tensor; zeros behind the last entry are not stored.
SparseCodes to_sparse(std::span<const std::uint32_t> codes, std::uint32_t zero,
                      int skip_bits);

/// The inverse. Throws DataError when the entries do not fit into codes.size() elements
/// or are not as `to_sparse` makes them.
void from_sparse(const SparseCodes& sparse, std::uint32_t zero,
                 std::span<std::uint32_t> codes);

}  // namespace bitsweep
