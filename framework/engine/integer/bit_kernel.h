// The inner loop of bit convolutions, for several CPUs. It includes nothing whose inline
// functions could be compiled with one CPU's flags and linked for all.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bitsweep {

/// What is counted over the words of a pixel's taps x and of a filter.
enum class BitOperation {
  kXor,     // bits of x ^ w
  kMasked,  // bits of m & (x ^ w): a filter is, word after word, w and m
};

inline constexpr int kFilterBlock = 16;  // filters whose words lie side by side

/// Counts for a row of output pixels and all filters. A pixel's word j is the 4 bytes at
/// first + pixel * step + offsets[j]; weights are [blocks][words][1 or 2 parts]
/// [kFilterBlock], on cache lines; sums [pixels][blocks * kFilterBlock], written in full.
struct BitProducts {
  const std::uint8_t* first;
  std::ptrdiff_t step;
  int pixels;
  const std::int32_t* offsets;
  int words;
  const std::uint32_t* weights;
  int blocks;
  std::int32_t* sums;
};

struct BitKernel {
  const char* name;
  void (*run)(BitOperation, const BitProducts&);
};

void bit_products_baseline(BitOperation operation, const BitProducts& p);
void bit_products_avx512(BitOperation operation, const BitProducts& p);

}  // namespace bitsweep
