#include "framework/pack/arithmetic.h"

#include <cmath>

#include <catch2/catch.hpp>

#include "framework/core/error.h"
#include "framework/pack/code_stream.h"
#include "framework/pack/logistic_model.h"
#include "framework/pack/symbol_model.h"
#include "tests/pack/symbols.h"

using namespace bitsweep;

namespace {

using Codes = std::vector<std::uint32_t>;

double cube(double x) { return x * x * x; }

/// A network layer after pruning: rows and columns differ in how much is left of them.
Codes pruned_codes(CodeShape shape, std::uint32_t alphabet, std::uint32_t zero) {
  const RandomStream random(3, "pruned");
  const auto values = flat_symbols(shape.rows * shape.columns, alphabet);
  Codes codes(values.size(), zero);
  for (std::size_t i = 0; i < codes.size(); ++i) {
    const auto row = std::uint32_t(i / shape.columns),
               column = std::uint32_t(i % shape.columns);
    const double share =
        0.3 * cube(random.uniform_at(row)) * cube(random.uniform_at(1000 + column));
    if (random.uniform_at(std::uint32_t(10000 + i)) < share) codes[i] = values[i];
  }
  return codes;
}

}  // namespace

TEST_CASE("decisions of any probability come back", "[pack][arithmetic]") {
  const std::size_t count = GENERATE(0u, 1u, 8u, 1000u, 100000u);
  const RandomStream random(4, "decisions");
  const auto probability = [&](std::size_t i) {
    return 1 + random.below_at(std::uint32_t(2 * i), 65535) % (i % 3 == 0 ? 5 : 65535);
  };
  const auto bit = [&](std::size_t i) {
    return (random.bits_at(std::uint32_t(2 * i + 1)) & 0xffff) < probability(i);
  };
  RangeEncoder encoder;
  double bits = 0;
  for (std::size_t i = 0; i < count; ++i) {
    encoder.code(bit(i), probability(i));
    bits -= std::log2((bit(i) ? probability(i) : 65536 - probability(i)) / 65536.0);
  }
  const auto bytes = encoder.finish();
  // At most a byte above what the probabilities say, and 1 in 10^4 for rounded ranges.
  CHECK(double(bytes.size()) * 8 <= bits * 1.0001 + 8);
  RangeDecoder decoder(bytes);
  for (std::size_t i = 0; i < count; ++i) {
    REQUIRE(decoder.code(false, probability(i)) == bit(i));
  }
  CHECK(decoder.at_end());
}

TEST_CASE("a carry runs through bytes that are already out", "[pack][arithmetic]") {
  // Improbable zeros keep the range at the top of the scale: low comes to 0xffff....
  for (std::size_t ones = 0; ones < 64; ++ones) {
    RangeEncoder encoder;
    for (std::size_t i = 0; i < 20; ++i) encoder.code(false, 65535);
    for (std::size_t i = 0; i < ones; ++i) encoder.code(true, 65535);
    encoder.code(false, 1);
    const auto bytes = encoder.finish();
    RangeDecoder decoder(bytes);
    for (std::size_t i = 0; i < 20; ++i) REQUIRE(!decoder.code(false, 65535));
    for (std::size_t i = 0; i < ones; ++i) REQUIRE(decoder.code(false, 65535));
    REQUIRE(!decoder.code(false, 1));
  }
}

TEST_CASE("the logistic table holds the logistic function", "[pack][arithmetic]") {
  // Its steps of 1/32 can be hit exactly; values are floats.
  for (const double x : {-11.0, -4.5, 0.0, 0.125, 3.0, 11.0}) {
    const double p = 1 / (1 + std::exp(-x));
    const auto& entry = kLogistic.near(float(x));
    CHECK(entry.p == Approx(p).epsilon(1e-6));
    CHECK(entry.information == Approx(p * (1 - p)).epsilon(1e-6));
    CHECK(entry.one == Approx(p * 65536).margin(2));
  }
  CHECK(kLogistic.near(-1e9f).one >= 1);
  CHECK(kLogistic.near(1e9f).one <= 65535);
}

TEST_CASE("arithmetic-coded symbols come back", "[pack][arithmetic]") {
  const std::uint32_t alphabet = GENERATE(1u, 2u, 3u, 4u, 5u, 16u, 17u, 256u, 65536u);
  const std::size_t count = GENERATE(0u, 1u, 7u, 8u, 9u, 1000u, 20000u);
  const double share = GENERATE(0.0, 0.1, 0.97);
  const std::uint32_t zero = GENERATE_COPY(0u, alphabet / 2, alphabet - 1);
  CAPTURE(alphabet, count, share, zero);
  const Codes codes = share == 0 ? flat_symbols(count, alphabet)
                                 : skewed_symbols(count, alphabet, zero, share);
  const CodeShape shape = count == 1000 ? CodeShape{25, 40} : CodeShape{1, count};
  const auto bytes = arithmetic_encode(codes, alphabet, zero, shape);
  Codes back(count, 99);
  arithmetic_decode(bytes, alphabet, zero, shape, back);
  CHECK(back == codes);
}

TEST_CASE("codes by symbols come back", "[pack][arithmetic]") {
  const std::uint32_t alphabet =
      GENERATE(1u, 2u, 3u, 16u, 17u, 256u, 1024u, 1025u, 40000u, 65536u);
  const std::size_t count = GENERATE(0u, 1u, 7u, 8u, 9u, 1000u, 20000u);
  const double share = GENERATE(0.0, 0.1, 0.97);
  CAPTURE(alphabet, count, share);
  const Codes codes = share == 0 ? flat_symbols(count, alphabet)
                                 : skewed_symbols(count, alphabet, alphabet / 2, share);
  const auto bytes = arithmetic_encode_symbols(codes, alphabet);
  Codes back(count, 99);
  arithmetic_decode_symbols(bytes, alphabet, back);
  CHECK(back == codes);
}

TEST_CASE("codes that change their frequencies on the way come back",
          "[pack][arithmetic]") {
  // Many enough for counts to be halved; then the other end of the alphabet.
  Codes codes = skewed_symbols(300000, 8, 1, 0.6);
  for (std::size_t i = 250000; i < codes.size(); ++i) codes[i] = 7 - codes[i];
  const auto bytes = arithmetic_encode_symbols(codes, 8);
  Codes back(codes.size());
  arithmetic_decode_symbols(bytes, 8, back);
  CHECK(back == codes);
}

TEST_CASE("a symbol model's symbols share all places", "[pack][arithmetic]") {
  const std::uint32_t symbols = GENERATE(2u, 3u, 17u, 256u, 1024u);
  const bool spreads = GENERATE(false, true);
  CAPTURE(symbols, spreads);
  SymbolModel model(symbols, spreads);
  RangeEncoder encoder;
  // The last symbol alone, then all: the rarest keep a place.
  for (std::uint32_t i = 0; i < 200000; ++i) {
    model.code(encoder, i < 150000 ? symbols - 1 : i % symbols);
    if (i % 9973 != 0) continue;
    std::uint32_t end = 0;
    for (std::uint32_t s = 0; s < symbols; ++s) {
      const Places places = model.places(s);
      REQUIRE(places.start == end);
      REQUIRE(places.size >= 1);
      REQUIRE(model.at(places.start) == s);
      REQUIRE(model.at(places.start + places.size - 1) == s);
      end = places.start + places.size;
    }
    REQUIRE(end == 1u << kPlaceBits);
  }
}

TEST_CASE("codes by symbols have the same bytes in every build", "[pack][arithmetic]") {
  const auto sum_of = [](const std::vector<std::uint8_t>& bytes) {
    std::uint32_t sum = 0;
    for (const std::uint8_t byte : bytes) sum = sum * 31 + byte;
    return sum;
  };
  const auto few = arithmetic_encode_symbols(skewed_symbols(20000, 16, 8, 0.3), 16);
  CHECK(few.size() == 8034);
  CHECK(sum_of(few) == 2154037716);
  const auto many = arithmetic_encode_symbols(skewed_symbols(20000, 300, 150, 0.02), 300);
  CHECK(many.size() == 19097);
  CHECK(sum_of(many) == 3555630263);
}

TEST_CASE("codes by symbols take hardly more than their entropy", "[pack][arithmetic]") {
  const std::uint32_t alphabet = GENERATE(2u, 5u, 17u, 256u);
  const double share = GENERATE(0.0, 0.05, 0.5, 0.97);
  CAPTURE(alphabet, share);
  const Codes codes = share == 0 ? flat_symbols(40000, alphabet)
                                 : skewed_symbols(40000, alphabet, alphabet / 2, share);
  const auto bytes = arithmetic_encode_symbols(codes, alphabet);
  // Learning a frequency costs half the logarithm of how many codes there are.
  const double learning = 0.5 * std::log2(40000.0) * alphabet;
  CHECK(double(bytes.size()) * 8 <=
        1.002 * entropy_bits(codes, alphabet) + learning + 16);
}

TEST_CASE("symbols that spread learn a smooth distribution sooner",
          "[pack][arithmetic]") {
  const Codes codes = skewed_symbols(5000, 256, 128, 0.03);
  const auto bytes = arithmetic_encode_symbols(codes, 256);
  CHECK((bytes[0] & 0x80) == 0);  // a decision for 1 is the lower half
  CHECK(double(bytes.size()) * 8 < 1.02 * entropy_bits(codes, 256));
}

// A file written by one build is read by all: the sums of floats must come out alike.
TEST_CASE("arithmetic codes have the same bytes in every build", "[pack][arithmetic]") {
  const CodeShape shape{100, 400};
  const auto bytes = arithmetic_encode(pruned_codes(shape, 16, 8), 16, 8, shape);
  std::uint32_t sum = 0;
  for (const std::uint8_t byte : bytes) sum = sum * 31 + byte;
  CHECK(bytes.size() == 905);
  CHECK(sum == 647165678);
}

TEST_CASE("codes without structure take hardly more than their entropy",
          "[pack][arithmetic]") {
  const std::uint32_t alphabet = GENERATE(2u, 5u, 17u, 256u);
  const double share = GENERATE(0.0, 0.1, 0.5, 0.97);
  CAPTURE(alphabet, share);
  const std::uint32_t zero = alphabet / 2;
  const Codes codes = share == 0 ? flat_symbols(40000, alphabet)
                                 : skewed_symbols(40000, alphabet, zero, share);
  const auto bytes = arithmetic_encode(codes, alphabet, zero, {200, 200});
  // 400 weights of rows and columns with nothing to learn, each a few bits.
  CHECK(double(bytes.size()) * 8 <= 1.03 * entropy_bits(codes, alphabet) + 1500);
}

TEST_CASE("rows and columns that differ in density take less than the entropy",
          "[pack][arithmetic]") {
  const CodeShape shape{100, 400};
  const Codes codes = pruned_codes(shape, 16, 8);
  const double bound = entropy_bits(codes, 16);
  const auto with_shape = arithmetic_encode(codes, 16, 8, shape);
  const auto without = arithmetic_encode(codes, 16, 8, {1, codes.size()});
  CAPTURE(bound / 8, with_shape.size(), without.size());
  CHECK(double(with_shape.size()) * 8 < 0.95 * bound);
  CHECK(with_shape.size() < without.size());
}

TEST_CASE("zeros alone take next to nothing", "[pack][arithmetic]") {
  CHECK(arithmetic_encode(Codes(100000, 7), 16, 7, {100, 1000}).size() <= 16);
  CHECK(arithmetic_encode(Codes(1000, 0), 1, 0, {1, 1000}).empty());
}

// decode(bytes, codes) of bytes that were cut, made longer, or changed.
template <class Decode>
void check_damaged(const std::vector<std::uint8_t>& whole, std::uint32_t alphabet,
                   Decode decode) {
  const RandomStream random(5, "damage");
  Codes back(1000);
  for (std::uint32_t mutation = 0; mutation < 1000; ++mutation) {
    auto bytes = whole;
    if (mutation % 3 == 0)
      bytes.resize(random.below_at(mutation, std::uint32_t(bytes.size())));
    if (mutation % 3 == 1)
      bytes.insert(bytes.end(), 1 + mutation % 20, std::uint8_t(mutation | 1));
    for (std::uint32_t i = 0; i <= mutation % 4 && !bytes.empty(); ++i) {
      const std::uint32_t at =
          random.below_at(4 * mutation + i, std::uint32_t(bytes.size()));
      bytes[at] = std::uint8_t(random.bits_at(100000 + 4 * mutation + i));
    }
    try {
      decode(bytes, back);
      REQUIRE(*std::ranges::max_element(back) < alphabet);
    } catch (const DataError&) {
    }
  }
}

TEST_CASE("damaged arithmetic codes give codes of the alphabet or are refused",
          "[pack][arithmetic]") {
  const std::uint32_t alphabet = GENERATE(3u, 16u, 5000u);
  const std::uint32_t zero = alphabet / 2;
  const CodeShape shape{20, 50};
  const Codes codes = skewed_symbols(1000, alphabet, zero, 0.3);
  check_damaged(arithmetic_encode(codes, alphabet, zero, shape), alphabet,
                [&](auto& bytes, auto& to) {
                  arithmetic_decode(bytes, alphabet, zero, shape, to);
                });
  check_damaged(
      arithmetic_encode_symbols(codes, alphabet), alphabet,
      [&](auto& bytes, auto& to) { arithmetic_decode_symbols(bytes, alphabet, to); });
}

TEST_CASE("bytes behind an arithmetic code are refused", "[pack][arithmetic]") {
  const Codes codes = skewed_symbols(1000, 16, 8, 0.5);
  auto bytes = arithmetic_encode(codes, 16, 8, {1, 1000});
  Codes back(1000);
  bytes.insert(bytes.end(), 20, 1);
  CHECK_THROWS_WITH(arithmetic_decode(bytes, 16, 8, {1, 1000}, back),
                    Catch::Contains("not needed for 1000 codes"));
  CHECK_THROWS_WITH(arithmetic_decode_symbols(bytes, 1, back),
                    Catch::Contains("not needed for 1000 codes"));
  bytes.push_back(0);
  CHECK_THROWS_WITH(arithmetic_decode(bytes, 16, 8, {1, 1000}, back),
                    Catch::Contains("ends in a zero byte"));
}
