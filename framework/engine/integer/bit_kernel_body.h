// The loops of a bit kernel, over the vectors of a CPU. Included by the file of each; all
// is in the anonymous namespace, so that none is linked for another.
//
// `Vector` has: kVectors, how many make a block of filters; kWordsBetween, how many words
// may be counted before `counts` must be widened; kPixels and kBlocks, the tile that fits
// the registers; Bits and Counts, its types; and the functions used below.
#pragma once

#include <cstring>

#include "framework/engine/integer/bit_kernel.h"

namespace bitsweep {
namespace {

template <class Vector, BitOperation operation>
inline typename Vector::Counts counted(typename Vector::Counts counts,
                                       typename Vector::Bits x, const std::uint32_t* w) {
  if constexpr (operation == BitOperation::kXor) {
    return Vector::add(counts, Vector::exclusive_or(x, Vector::load(w)));
  } else {
    return Vector::add(counts, Vector::masked_exclusive_or(
                                   x, Vector::load(w), Vector::load(w + kFilterBlock)));
  }
}

// `pixels` from number `pixel` with `blocks` from number `block`.
template <class Vector, BitOperation operation, int pixels, int blocks>
void tile(const BitProducts& p, int pixel, int block) {
  constexpr int kLanes = kFilterBlock / Vector::kVectors;
  constexpr int kVectors = blocks * Vector::kVectors;
  constexpr int kParts = operation == BitOperation::kXor ? 1 : 2;
  const std::ptrdiff_t block_words = std::ptrdiff_t(p.words) * kParts * kFilterBlock;
  const std::uint8_t* x = p.first + pixel * p.step;
  const std::uint32_t* w = p.weights + block * block_words;
  std::int32_t* sums = p.sums + (std::ptrdiff_t(pixel) * p.blocks + block) * kFilterBlock;

  for (int begin = 0; begin < p.words; begin += Vector::kWordsBetween) {
    const int left = p.words - begin;
    const int end = begin + (left < Vector::kWordsBetween ? left : Vector::kWordsBetween);
    typename Vector::Counts counts[pixels][kVectors];
    for (auto& row : counts) {
      for (auto& count : row) count = Vector::zero();
    }
    for (int word = begin; word < end; ++word) {
      const std::uint32_t* word_weights =
          w + std::ptrdiff_t(word) * kParts * kFilterBlock;
#pragma GCC unroll 4
      for (int i = 0; i < pixels; ++i) {
        std::uint32_t bits;
        std::memcpy(&bits, x + i * p.step + p.offsets[word], sizeof(bits));
        const auto broadcast = Vector::broadcast(bits);
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) {
          counts[i][v] = counted<Vector, operation>(
              counts[i][v], broadcast,
              word_weights + v / Vector::kVectors * block_words +
                  v % Vector::kVectors * kLanes);
        }
      }
    }
    for (int i = 0; i < pixels; ++i) {
      for (int v = 0; v < kVectors; ++v) {
        Vector::store(counts[i][v], begin > 0,
                      sums + std::ptrdiff_t(i) * p.blocks * kFilterBlock + v * kLanes);
      }
    }
  }
}

template <class Vector, BitOperation operation, int blocks>
void all_pixels(const BitProducts& p, int block) {
  int pixel = 0;
  for (; pixel + Vector::kPixels <= p.pixels; pixel += Vector::kPixels) {
    tile<Vector, operation, Vector::kPixels, blocks>(p, pixel, block);
  }
  for (; pixel < p.pixels; ++pixel) tile<Vector, operation, 1, blocks>(p, pixel, block);
}

template <class Vector, BitOperation operation>
void all_blocks(const BitProducts& p) {
  int block = 0;
  for (; block + Vector::kBlocks <= p.blocks; block += Vector::kBlocks) {
    all_pixels<Vector, operation, Vector::kBlocks>(p, block);
  }
  for (; block + 2 <= p.blocks; block += 2) all_pixels<Vector, operation, 2>(p, block);
  for (; block < p.blocks; ++block) all_pixels<Vector, operation, 1>(p, block);
}

template <class Vector>
void run_bit_kernel(BitOperation operation, const BitProducts& p) {
  if (operation == BitOperation::kXor) {
    all_blocks<Vector, BitOperation::kXor>(p);
  } else {
    all_blocks<Vector, BitOperation::kMasked>(p);
  }
}

}  // namespace
}  // namespace bitsweep
