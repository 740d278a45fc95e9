#include "framework/pack/code_stream.h"

#include <catch2/catch.hpp>

#include "framework/core/error.h"
#include "tests/pack/symbols.h"

using namespace bitsweep;

namespace {

using Codes = std::vector<std::uint32_t>;

CodeLayout layout_of(std::uint32_t alphabet, std::uint32_t zero, std::size_t count) {
  const CodeShape shape =
      count % 10 == 0 && count > 0 ? CodeShape{10, count / 10} : CodeShape{1, count};
  return {.alphabet = alphabet, .zero = zero, .shape = shape};
}

void check_round_trip(const CodeStream& stream, const Codes& codes,
                      const CodeLayout& layout) {
  CHECK(stream.bytes.size() == (stream.bits.total() + 7) / 8);
  CHECK(decode(stream.coding, stream.bytes, layout) == codes);
}

}  // namespace

TEST_CASE("every coding brings back every kind of codes", "[pack][code_stream]") {
  const std::uint32_t alphabet = GENERATE(1u, 2u, 3u, 4u, 5u, 16u, 17u, 256u, 65536u);
  const std::size_t count = GENERATE(0u, 1u, 7u, 8u, 9u, 1000u);
  const double share = GENERATE(0.0, 0.2, 0.95);
  CAPTURE(alphabet, count, share);
  const std::uint32_t zero = alphabet / 2;
  const Codes codes = share == 0 ? flat_symbols(count, alphabet)
                                 : skewed_symbols(count, alphabet, zero, share);
  const CodeLayout layout = layout_of(alphabet, zero, count);
  for (const Coding coding : kCodings) {
    CAPTURE(coding_name(coding));
    check_round_trip(encode_as(coding, codes, layout), codes, layout);
  }
}

TEST_CASE("large tensors come back", "[pack][code_stream]") {
  const std::uint32_t alphabet = GENERATE(2u, 17u, 65536u);
  const Codes codes = skewed_symbols(100000, alphabet, alphabet / 2, 0.9);
  const CodeLayout layout = layout_of(alphabet, alphabet / 2, codes.size());
  for (const Coding coding : kCodings) {
    check_round_trip(encode_as(coding, codes, layout), codes, layout);
  }
}

TEST_CASE("the smallest coding is none larger than any other, and the simplest of equals",
          "[pack][code_stream]") {
  const double share = GENERATE(0.0, 0.2, 0.5, 0.99);
  const std::uint32_t alphabet = GENERATE(1u, 2u, 16u, 17u);
  const Codes codes = share == 0 ? flat_symbols(3000, alphabet)
                                 : skewed_symbols(3000, alphabet, alphabet / 2, share);
  const CodeLayout layout = layout_of(alphabet, alphabet / 2, codes.size());
  const CodeStream smallest = encode_smallest(codes, layout);
  check_round_trip(smallest, codes, layout);
  for (const Coding coding : kCodings) {
    const auto size = encode_as(coding, codes, layout).bytes.size();
    CHECK(smallest.bytes.size() <= size);
    if (coding < smallest.coding) CHECK(smallest.bytes.size() < size);
  }
}

TEST_CASE("flat codes stay at their width, pruned ones do not", "[pack][code_stream]") {
  const CodeLayout layout = layout_of(16, 8, 10000);
  CHECK(encode_smallest(flat_symbols(10000, 16), layout).coding == Coding::fixed);
  const CodeStream pruned = encode_smallest(skewed_symbols(10000, 16, 8, 0.97), layout);
  CHECK(pruned.coding == Coding::arithmetic);
}

TEST_CASE("the bits of fixed and sparse codes are as counted by hand",
          "[pack][code_stream]") {
  // Positions 1, 4, 15, 40, 41 of 42: gaps of 1, 2, 10, 24, 0 zeros. Entries take
  // 9 * (3 + 3) bits with indices of 3 bits, 6 * (3 + 4) with 4, 5 * (3 + 5) with 5.
  Codes codes(42);
  for (const auto& [at, code] : {std::pair{1, 1}, {4, 2}, {15, 3}, {40, 4}, {41, 5}}) {
    codes[std::size_t(at)] = std::uint32_t(code);
  }
  const CodeLayout layout = layout_of(6, 0, 42);
  const CodeStream sparse = encode_as(Coding::sparse_fixed, codes, layout);
  CHECK(sparse.bits.codes == 5 * 3);
  CHECK(sparse.bits.indices == 5 * 5);
  CHECK(sparse.bits.tables == 6 + 5);  // 0 to 42 entries; the width of an index
  CHECK(encode_as(Coding::fixed, codes, layout).bits.total() == 42 * 3);
}

TEST_CASE("codes without a zero have no sparse coding", "[pack][code_stream]") {
  const CodeLayout layout{.alphabet = 4, .shape = {1, 100}};
  const Codes codes = skewed_symbols(100, 4, 3, 0.9);
  CHECK_THROWS_AS(encode_as(Coding::sparse_fixed, codes, layout), ConfigError);
  check_round_trip(encode_smallest(codes, layout), codes, layout);
}

TEST_CASE("damaged streams are refused or give codes of the alphabet",
          "[pack][code_stream]") {
  const Coding coding = GENERATE(from_range(kCodings));
  CAPTURE(coding_name(coding));
  const CodeLayout layout = layout_of(11, 5, 1000);
  const Codes codes = skewed_symbols(1000, 11, 5, 0.8);
  const auto whole = encode_as(coding, codes, layout).bytes;
  const RandomStream random(6, "damage");
  for (std::uint32_t mutation = 0; mutation < 500; ++mutation) {
    auto bytes = whole;
    const std::uint32_t at = random.below_at(mutation, std::uint32_t(bytes.size()));
    bytes[at] = std::uint8_t(random.bits_at(10000 + mutation));
    if (mutation % 5 == 0) bytes.resize(at);
    try {
      const Codes back = decode(coding, bytes, layout);
      REQUIRE(back.size() == 1000);
      REQUIRE(*std::ranges::max_element(back) < 11);
    } catch (const DataError&) {
    }
  }
}

TEST_CASE("a stream cut short or too long says so", "[pack][code_stream]") {
  const Coding coding = GENERATE(Coding::fixed, Coding::sparse_fixed, Coding::huffman,
                                 Coding::sparse_huffman);
  const CodeLayout layout = layout_of(11, 5, 1000);
  auto bytes = encode_as(coding, skewed_symbols(1000, 11, 5, 0.8), layout).bytes;
  bytes.push_back(0);
  CHECK_THROWS_AS(decode(coding, bytes, layout), DataError);
  bytes.resize(bytes.size() - 2);
  CHECK_THROWS_WITH(decode(coding, bytes, layout), Catch::Contains("ends early"));
}

TEST_CASE("a fixed code above its alphabet is refused", "[pack][code_stream]") {
  const std::vector<std::uint8_t> bytes = {0b11'10'01'00};
  CHECK_THROWS_WITH(decode(Coding::fixed, bytes, {.alphabet = 3, .shape = {1, 4}}),
                    Catch::Contains("found 3, expected codes below 3"));
}

TEST_CASE("the entropy bound is that of the worked example", "[pack][code_stream]") {
  Codes codes;
  std::uint32_t symbol = 0;
  for (const std::size_t count : {40, 20, 15, 10, 8, 4, 2, 1}) {
    codes.insert(codes.end(), count, symbol++);
  }
  CHECK(entropy_bits(codes, 8) == Approx(239.247).margin(5e-4));  // printed to 6 digits
  CHECK(entropy_bits({}, 8) == 0);
}

TEST_CASE("codings are known by their names", "[pack][code_stream]") {
  for (const Coding coding : kCodings) CHECK(coding_named(coding_name(coding)) == coding);
  CHECK_THROWS_WITH(coding_named("zip"), Catch::Contains("unknown 'zip'"));
}
