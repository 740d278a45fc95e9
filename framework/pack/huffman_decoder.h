// Table-driven decoding of a Huffman code: one look at the next 12 bits yields up to
// three symbols; words longer than that go through a second table.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "framework/pack/bit_stream.h"

namespace bitsweep {

/// The lowest `length` bits in the opposite order: a word as it stands in the stream.
std::uint32_t reversed_bits(std::uint32_t word, int length);

/// For codes of two symbols or more whose words fill the code space.
class HuffmanDecoder {
 public:
  HuffmanDecoder(std::span<const std::uint8_t> lengths,
                 std::span<const std::uint32_t> used);

  void decode(BitReader& in, std::span<std::uint32_t> symbols) const;

 private:
  static constexpr int kFirstBits = 12;

  // One to three symbols and the bits they take together; or count 0, then `symbols[0]`
  // and `symbols[1]` hold where the second table begins, `bits` how many bits index it.
  struct Entry {
    std::uint16_t symbols[3];
    std::uint8_t bits;
    std::uint8_t count;
  };
  // A word longer than kFirstBits.
  struct LongWord {
    std::uint16_t symbol;
    std::uint8_t bits;
  };

  void fill_second(std::span<const std::uint8_t> lengths,
                   std::span<const std::uint32_t> used,
                   std::span<const std::uint32_t> words);
  const LongWord& long_word(const Entry& link, std::uint64_t word) const;
  void decode_one(BitReader& in, std::uint32_t& symbol) const;

  std::vector<Entry> first_;
  std::vector<LongWord> second_;
  std::vector<std::uint8_t> lengths_;
};

}  // namespace bitsweep
