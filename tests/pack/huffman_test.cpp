#include "framework/pack/huffman.h"

#include <numeric>

#include <catch2/catch.hpp>

#include "tests/pack/symbols.h"

using namespace bitsweep;

namespace {

using Counts = std::vector<std::uint64_t>;
using Lengths = std::vector<std::uint8_t>;
using Symbols = std::vector<std::uint32_t>;

struct HuffmanStream {
  std::vector<std::uint8_t> bytes;
  std::uint64_t table_bits, bits;
};

HuffmanStream encoded(const HuffmanCode& code, const Symbols& symbols) {
  BitWriter out;
  code.write_table(out);
  const std::uint64_t table_bits = out.bit_count();
  code.encode(symbols, out);
  return {out.bytes(), table_bits, out.bit_count() - table_bits};
}

Symbols decoded(const HuffmanStream& stream, std::uint32_t alphabet, std::size_t count) {
  BitReader in(stream.bytes);
  const HuffmanCode code(in, alphabet);
  Symbols symbols(count);
  code.decode(in, symbols);
  in.expect_end();
  return symbols;
}

/// The plain twin: reads bit by bit until the bits are a word.
Symbols decoded_bit_by_bit(BitReader in, std::span<const std::uint8_t> lengths,
                           std::size_t count) {
  const auto words = canonical_words(lengths);
  Symbols symbols;
  while (symbols.size() < count) {
    std::uint32_t word = 0;
    for (int length = 1; length <= kLongestHuffmanCode; ++length) {
      word = word << 1 | in.read(1);
      std::size_t symbol = 0;
      while (symbol < lengths.size() &&
             (lengths[symbol] != length || words[symbol] != word)) {
        ++symbol;
      }
      if (symbol == lengths.size()) continue;
      symbols.push_back(std::uint32_t(symbol));
      break;
    }
  }
  return symbols;
}

/// The bits of an unrestricted Huffman code: the sum of all inner nodes.
std::uint64_t huffman_bits_by_definition(Counts nodes) {
  std::erase(nodes, 0);
  std::uint64_t bits = 0;
  while (nodes.size() > 1) {
    std::ranges::sort(nodes, std::greater<>{});
    const auto inner = nodes.back() + nodes[nodes.size() - 2];
    nodes.pop_back();
    nodes.back() = inner;
    bits += inner;
  }
  return bits;
}

}  // namespace

TEST_CASE("the worked example has its lengths and its 245 bits", "[pack][huffman]") {
  const Counts counts = {40, 20, 15, 10, 8, 4, 2, 1};
  CHECK(huffman_lengths(counts) == Lengths{1, 3, 3, 3, 4, 5, 6, 6});
  CHECK(HuffmanCode(counts).bits(counts) == 245);
}

TEST_CASE("canonical words count up within a length", "[pack][huffman]") {
  // The example of RFC 1951, section 3.2.2.
  const Lengths lengths = {3, 3, 3, 3, 3, 2, 4, 4};
  CHECK(canonical_words(lengths) ==
        Symbols{0b010, 0b011, 0b100, 0b101, 0b110, 0b00, 0b1110, 0b1111});
}

TEST_CASE("lengths are as good as Huffman's own", "[pack][huffman]") {
  const std::uint32_t alphabet = GENERATE(2u, 3u, 5u, 17u, 256u);
  const double share = GENERATE(0.05, 0.5, 0.9);
  const auto counts =
      count_symbols(skewed_symbols(3000, alphabet, alphabet / 2, share), alphabet);
  CHECK(HuffmanCode(counts).bits(counts) == huffman_bits_by_definition(counts));
}

TEST_CASE("no word is longer than the limit, and the code stays complete",
          "[pack][huffman]") {
  // Fibonacci counts make the deepest tree: 29 bits for 30 symbols.
  Counts counts = {1, 1};
  while (counts.size() < 30) counts.push_back(counts.back() + counts[counts.size() - 2]);
  const int longest = GENERATE(5, 6, 12, 20, 29);
  const auto lengths = huffman_lengths(counts, longest);
  CHECK(*std::ranges::max_element(lengths) == longest);
  double sum = 0;
  for (const auto length : lengths) sum += std::ldexp(1.0, -length);
  CHECK(sum == 1);
  // A lower limit never saves bits.
  const auto bits = [&](const Lengths& code) {
    return std::inner_product(counts.begin(), counts.end(), code.begin(),
                              std::uint64_t(0));
  };
  CHECK(bits(lengths) >= huffman_bits_by_definition(counts));
  CHECK(bits(huffman_lengths(counts, longest + 1)) <= bits(lengths));
}

TEST_CASE("Huffman-coded symbols come back", "[pack][huffman]") {
  const std::uint32_t alphabet = GENERATE(1u, 2u, 3u, 4u, 5u, 16u, 17u, 256u, 65536u);
  const std::size_t count = GENERATE(0u, 1u, 7u, 8u, 9u, 1000u, 100000u);
  const double share = GENERATE(0.0, 0.1, 0.7);
  CAPTURE(alphabet, count, share);
  const auto symbols = share == 0 ? flat_symbols(count, alphabet)
                                  : skewed_symbols(count, alphabet, alphabet / 3, share);
  const auto counts = count_symbols(symbols, alphabet);
  const HuffmanCode code(counts);
  const HuffmanStream stream = encoded(code, symbols);
  CHECK(stream.bits == code.bits(counts));
  CHECK(decoded(stream, alphabet, count) == symbols);
}

TEST_CASE("the table-driven decoder agrees with reading bit by bit", "[pack][huffman]") {
  // Words of 1 to 20 bits, all of which occur.
  Counts counts;
  for (int i = 0; i < 25; ++i) counts.push_back(std::uint64_t(1) << i);
  const HuffmanCode code(counts);
  CHECK(code.lengths()[0] == kLongestHuffmanCode);
  Symbols symbols = flat_symbols(2000, 25);
  const auto often = skewed_symbols(2000, 25, 24, 0.6);
  symbols.insert(symbols.end(), often.begin(), often.end());
  const HuffmanStream stream = encoded(code, symbols);
  BitReader in(stream.bytes);
  in.skip(stream.table_bits);
  CHECK(decoded_bit_by_bit(in, code.lengths(), symbols.size()) == symbols);
  CHECK(decoded(stream, 25, symbols.size()) == symbols);
}

TEST_CASE("one symbol takes no bits but its table", "[pack][huffman]") {
  const Symbols symbols(1000, 5);
  const HuffmanStream stream = encoded(HuffmanCode(count_symbols(symbols, 8)), symbols);
  CHECK(stream.bits == 0);
  CHECK(stream.table_bits == 11 + 8);  // form, two lengths, one bit a symbol
  CHECK(decoded(stream, 8, 1000) == symbols);
}

TEST_CASE("a table of few symbols out of many is stored as distances",
          "[pack][huffman]") {
  const Symbols symbols = {7, 40000, 65535};
  const HuffmanStream stream =
      encoded(HuffmanCode(count_symbols(symbols, 65536)), symbols);
  // Head 11, count 17, gamma codes of 8, 39993, 25535, a bit for lengths 1 and 2.
  CHECK(stream.table_bits == 11 + 17 + 7 + 31 + 29 + 3);
  CHECK(decoded(stream, 65536, 3) == symbols);
}

TEST_CASE("damaged Huffman streams are refused", "[pack][huffman]") {
  const auto symbols = skewed_symbols(500, 32, 16, 0.2);
  const HuffmanCode code(count_symbols(symbols, 32));
  HuffmanStream stream = encoded(code, symbols);
  stream.bytes.resize(stream.bytes.size() - 1);
  CHECK_THROWS_AS(decoded(stream, 32, 500), DataError);

  BitWriter incomplete;
  incomplete.write(0, 1);  // dense
  incomplete.write(2, 5);  // lengths from 2
  incomplete.write(3, 5);  // to 3
  incomplete.write(1, 2);  // one word of 2 bits
  incomplete.write(2, 2);  // and one of 3
  const auto bytes = incomplete.bytes();
  BitReader in(bytes);
  CHECK_THROWS_WITH(HuffmanCode(in, 2), Catch::Contains("not a Huffman table"));
}
