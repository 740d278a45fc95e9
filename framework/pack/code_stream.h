// How the codes of one tensor are stored, and in how many bits. What stands around the
// bytes (the coding, the alphabet, the shape, a checksum) is the file's affair.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "framework/pack/arithmetic.h"

namespace bitsweep {

/// From the simplest on: of two of the same size the first is taken.
enum class Coding {
  fixed,
  sparse_fixed,
  huffman,
  sparse_huffman,
  arithmetic,         // by decisions
  arithmetic_symbols  // by symbols
};

inline constexpr std::array kCodings = {Coding::fixed,      Coding::sparse_fixed,
                                        Coding::huffman,    Coding::sparse_huffman,
                                        Coding::arithmetic, Coding::arithmetic_symbols};

std::string_view coding_name(Coding coding);
/// Throws DataError for a name that is none.
Coding coding_named(std::string_view name);

/// What is known of a tensor's codes before they are read.
struct CodeLayout {
  std::uint32_t alphabet = 1;  // codes lie below it, 1 to 65536
  std::optional<std::uint32_t>
      zero;         // the code that means zero, which sparse codings need
  CodeShape shape;  // rows * columns codes, fewer than 2^32

  std::size_t count() const { return shape.rows * shape.columns; }
};

/// Bits by what they are for.
struct CodeBits {
  std::uint64_t codes = 0;    // with those of entries that fill a gap
  std::uint64_t indices = 0;  // of sparse codings
  std::uint64_t tables = 0;   // Huffman tables, number of entries, width of an index

  std::uint64_t total() const { return codes + indices + tables; }
};

struct CodeStream {
  Coding coding = Coding::fixed;
  std::vector<std::uint8_t> bytes;  // bits.total() of them, filled up with zeros
  CodeBits bits;
};

/// Sparse codings choose the width of an index that makes them smallest; arithmetic
/// coding without a zero goes around the middle of the alphabet. Throws ConfigError for a
/// sparse coding without a zero.
CodeStream encode_as(Coding coding, std::span<const std::uint32_t> codes,
                     const CodeLayout& layout);

/// The smallest of all codings that can be.
CodeStream encode_smallest(std::span<const std::uint32_t> codes,
                           const CodeLayout& layout);

/// The inverse: layout.count() codes. Throws DataError when the bytes are not what one of
/// the functions above makes. Damage of arithmetic codes may go unnoticed.
std::vector<std::uint32_t> decode(Coding coding, std::span<const std::uint8_t> bytes,
                                  const CodeLayout& layout);

/// The bits that no code which takes codes one by one, each as often as it is found, can
/// go below: n times the entropy.
double entropy_bits(std::span<const std::uint32_t> codes, std::uint32_t alphabet);

}  // namespace bitsweep
