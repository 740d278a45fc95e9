#include "framework/pack/bit_stream.h"

#include <catch2/catch.hpp>

#include "framework/core/random.h"

using namespace bitsweep;
using Catch::Contains;

namespace {

using Bytes = std::vector<std::uint8_t>;

std::vector<std::uint32_t> random_codes(std::size_t count, int width) {
  const RandomStream random(1, "codes");
  std::vector<std::uint32_t> codes(count);
  for (std::size_t i = 0; i < count; ++i) {
    codes[i] = std::uint32_t(low_bits(random.bits_at(std::uint32_t(i)), width));
  }
  return codes;
}

}  // namespace

TEST_CASE("the first field stands in the lowest bits of the first byte", "[pack]") {
  // 3-bit fields 1, 2, 3, 4: bits 100 010 110 001 from the lowest on.
  const std::vector<std::uint32_t> codes = {1, 2, 3, 4};
  CHECK(pack_codes(codes, 3) == Bytes{0b11'010'001, 0b0000'100'0});
}

TEST_CASE("codes packed at every width come back", "[pack]") {
  const int width = GENERATE(range(0, 33));
  const std::size_t count = GENERATE(0u, 1u, 7u, 8u, 9u, 1000u);
  CAPTURE(width, count);
  const auto codes = random_codes(count, width);
  const auto bytes = pack_codes(codes, width);
  CHECK(bytes.size() == (count * std::size_t(width) + 7) / 8);

  std::vector<std::uint32_t> back(count, 99);
  unpack_codes(bytes, width, back);
  CHECK(back == codes);

  BitWriter writer;
  for (const auto code : codes) writer.write(code, width);
  CHECK(writer.bytes() == bytes);
  CHECK(writer.bit_count() == count * std::size_t(width));
  BitReader reader(bytes);
  for (std::size_t i = 0; i < count; ++i) REQUIRE(reader.read(width) == codes[i]);
  CHECK_NOTHROW(reader.expect_end());
}

TEST_CASE("packed codes are refused when bytes are missing, left over or not zero",
          "[pack]") {
  const auto codes = random_codes(9, 5);  // 45 bits
  auto bytes = pack_codes(codes, 5);
  std::vector<std::uint32_t> back(9);
  CHECK_THROWS_WITH(unpack_codes(std::span(bytes).first(5), 5, back),
                    Contains("ends early"));
  bytes.back() |= 0x80;
  CHECK_THROWS_WITH(unpack_codes(bytes, 5, back), Contains("are not 0"));
  bytes.push_back(0);
  CHECK_THROWS_WITH(unpack_codes(bytes, 5, back), Contains("7 bytes, expected 6"));
}

TEST_CASE("a reader stops at its end", "[pack]") {
  const Bytes bytes = {0xff, 0xff};
  BitReader reader(bytes, "conv1/weight");
  CHECK(reader.read(13) == 0x1fff);
  CHECK_THROWS_AS(reader.read(4), DataError);
  CHECK_THROWS_WITH(reader.read(4), "conv1/weight: ends early, after 2 bytes");
  CHECK(reader.read(3) == 7);
  CHECK(reader.read(0) == 0);
}

TEST_CASE("gamma codes come back and take the bits they say", "[pack]") {
  const std::vector<std::uint32_t> values = {1, 2, 3, 4, 7, 8, 255, 65536, 0xffffffff};
  BitWriter writer;
  std::uint64_t bits = 0;
  for (const auto value : values) {
    write_gamma(writer, value);
    bits += gamma_bits(value);
    CHECK(writer.bit_count() == bits);
  }
  const auto bytes = writer.bytes();
  BitReader reader(bytes);
  for (const auto value : values) CHECK(read_gamma(reader) == value);

  const Bytes zeros(9);
  BitReader endless(zeros);
  CHECK_THROWS_AS(read_gamma(endless), DataError);
}
