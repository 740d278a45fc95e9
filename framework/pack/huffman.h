// Canonical Huffman codes of at most 20 bits: the lengths alone say the code. Lengths by
// package-merge: Larmore and Hirschberg, "A Fast Algorithm for Optimal Length-Limited
// Huffman Codes", JACM 1990.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "framework/pack/bit_stream.h"

namespace bitsweep {

inline constexpr int kLongestHuffmanCode = 20;
inline constexpr std::uint32_t kLargestAlphabet = 65536;

/// How often each of 0 ... alphabet - 1 occurs. Symbols must be below it.
std::vector<std::uint64_t> count_symbols(std::span<const std::uint32_t> symbols,
                                         std::uint32_t alphabet);

/// The lengths of an optimal prefix code none of whose words is longer than `longest`;
/// 0 for a symbol that does not occur, and for one that occurs alone. There must be no
/// more than 2^longest symbols.
std::vector<std::uint8_t> huffman_lengths(std::span<const std::uint64_t> counts,
                                          int longest = kLongestHuffmanCode);

/// The canonical code words: shorter before longer, equal lengths in order of symbols.
/// The first bit of a word is the most significant of its `length` bits.
std::vector<std::uint32_t> canonical_words(std::span<const std::uint8_t> lengths);

/// A prefix code over 0 ... alphabet - 1, alphabet <= 65536.
class HuffmanCode {
 public:
  /// The best code for symbols of these counts.
  explicit HuffmanCode(std::span<const std::uint64_t> counts);

  /// Reads what `write_table` wrote; throws DataError when it is no complete code.
  HuffmanCode(BitReader& in, std::uint32_t alphabet);

  /// The lengths of the symbols that are used, in the smaller of two forms: a field for
  /// each symbol of the alphabet, or distances from one used symbol to the next.
  void write_table(BitWriter& out) const;

  /// 0 for symbols that are not used; all 0 when there is but one.
  std::span<const std::uint8_t> lengths() const { return lengths_; }

  /// Bits that symbols of these counts take.
  std::uint64_t bits(std::span<const std::uint64_t> counts) const;

  /// Symbols must be among those with a word.
  void encode(std::span<const std::uint32_t> symbols, BitWriter& out) const;

  /// Reads symbols.size() symbols. Throws DataError when the stream ends early.
  void decode(BitReader& in, std::span<std::uint32_t> symbols) const;

 private:
  std::vector<std::uint8_t> lengths_;
  std::vector<std::uint32_t> used_;  // symbols, ascending
};

}  // namespace bitsweep
