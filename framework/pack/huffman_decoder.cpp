#include "framework/pack/huffman_decoder.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "framework/pack/huffman.h"

namespace bitsweep {

std::uint32_t reversed_bits(std::uint32_t word, int length) {
  std::uint32_t reversed = 0;
  for (int i = 0; i < length; ++i) {
    reversed = (reversed << 1) | ((word >> i) & 1);
  }
  return reversed;
}

HuffmanDecoder::HuffmanDecoder(std::span<const std::uint8_t> lengths,
                               std::span<const std::uint32_t> used)
    : lengths_(lengths.begin(), lengths.end()) {
  constexpr std::size_t kSize = std::size_t(1) << kFirstBits;
  std::vector<std::uint32_t> words = canonical_words(lengths);
  std::vector<Entry> single(kSize, Entry{});
  for (const std::uint32_t symbol : used) {
    const int length = lengths[symbol];
    words[symbol] = reversed_bits(words[symbol], length);
    if (length > kFirstBits) continue;
    for (std::size_t i = words[symbol]; i < kSize; i += std::size_t(1) << length) {
      single[i] = {{std::uint16_t(symbol), 0, 0}, std::uint8_t(length), 1};
    }
  }
  // Words that begin behind another within the 12 bits, as far as they end there too.
  first_ = single;
  for (std::size_t i = 0; i < kSize; ++i) {
    Entry& entry = first_[i];
    while (1 <= entry.count && entry.count < 3) {
      const Entry& next = single[i >> entry.bits];
      if (next.count == 0 || entry.bits + next.bits > kFirstBits) break;
      entry.symbols[entry.count++] = next.symbols[0];
      entry.bits = std::uint8_t(entry.bits + next.bits);
    }
  }
  fill_second(lengths, used, words);
}

void HuffmanDecoder::fill_second(std::span<const std::uint8_t> lengths,
                                 std::span<const std::uint32_t> used,
                                 std::span<const std::uint32_t> words) {
  const auto prefix = [&](std::uint32_t symbol) {
    return low_bits(words[symbol], kFirstBits);
  };
  for (const std::uint32_t symbol : used) {
    if (lengths[symbol] <= kFirstBits) continue;
    Entry& link = first_[prefix(symbol)];
    link.bits = std::max(link.bits, std::uint8_t(lengths[symbol] - kFirstBits));
  }
  for (Entry& link : first_) {
    if (link.count != 0) continue;
    const auto begin = std::uint32_t(second_.size());
    std::memcpy(link.symbols, &begin, sizeof begin);
    second_.resize(begin + (std::size_t(1) << link.bits));
  }
  for (const std::uint32_t symbol : used) {
    if (lengths[symbol] <= kFirstBits) continue;
    const Entry& link = first_[prefix(symbol)];
    std::uint32_t begin;
    std::memcpy(&begin, link.symbols, sizeof begin);
    const std::uint32_t step = 1u << (lengths[symbol] - kFirstBits);
    for (std::uint32_t i = words[symbol] >> kFirstBits; i < 1u << link.bits; i += step) {
      second_[begin + i] = {std::uint16_t(symbol), lengths[symbol]};
    }
  }
}

const HuffmanDecoder::LongWord& HuffmanDecoder::long_word(const Entry& link,
                                                          std::uint64_t word) const {
  std::uint32_t begin;
  std::memcpy(&begin, link.symbols, sizeof begin);
  return second_[begin + low_bits(word >> kFirstBits, link.bits)];
}

void HuffmanDecoder::decode_one(BitReader& in, std::uint32_t& symbol) const {
  const std::uint64_t word = in.peek();
  const Entry& entry = first_[low_bits(word, kFirstBits)];
  symbol = entry.count == 0 ? long_word(entry, word).symbol : entry.symbols[0];
  in.skip(lengths_[symbol]);
}

void HuffmanDecoder::decode(BitReader& in, std::span<std::uint32_t> symbols) const {
  // Four looks at one word of 57 bits: three of at most 12 bits and one of at most 20.
  constexpr int kLooks = 4;
  static_assert((kLooks - 1) * kFirstBits + kLongestHuffmanCode <= 57);
  const std::uint8_t* bytes = in.bytes().data();
  const std::uint64_t end = in.bytes().size() * 8;
  std::uint64_t position = in.position();
  std::uint32_t* out = symbols.data();
  std::uint32_t* const last = out + symbols.size();
  while (last - out >= 3 * kLooks && position + 64 <= end) {
    std::uint64_t word;
    std::memcpy(&word, bytes + position / 8, 8);
    word >>= position % 8;
    for (int look = 0; look < kLooks; ++look) {
      const Entry entry = first_[low_bits(word, kFirstBits)];
      if (entry.count == 0) {
        const LongWord& found = long_word(entry, word);
        *out++ = found.symbol;
        position += found.bits;
        break;
      }
      for (int i = 0; i < 3; ++i) out[i] = entry.symbols[i];
      out += entry.count;
      word >>= entry.bits;
      position += entry.bits;
    }
  }
  in.skip(position - in.position());
  for (; out != last; ++out) decode_one(in, *out);
}

}  // namespace bitsweep
