#include "framework/pack/bit_stream.h"

#include <algorithm>

#include <fmt/format.h>

namespace bitsweep {
namespace {

std::uint64_t bytes_of(std::uint64_t bits) { return (bits + 7) / 8; }

std::uint32_t field_at(const std::uint8_t* bytes, std::uint64_t bit, int width) {
  std::uint64_t word;
  std::memcpy(&word, bytes + bit / 8, 8);
  return std::uint32_t(low_bits(word >> (bit % 8), width));
}

}  // namespace

std::vector<std::uint8_t> BitWriter::bytes() const {
  std::vector<std::uint8_t> whole = bytes_;
  for (int bit = 0; bit < pending_bits_; bit += 8) {
    whole.push_back(std::uint8_t(pending_ >> bit));
  }
  return whole;
}

void BitReader::expect_end() const {
  if (left() >= 8) {
    throw DataError(fmt::format("{}: {} bytes, expected {}", what_, bytes_.size(),
                                bytes_of(position_)));
  }
  if (left() != 0 && peek() != 0) {
    throw DataError(
        fmt::format("{}: the bits that fill up the last byte are not 0; "
                    "the data is damaged",
                    what_));
  }
}

void BitReader::throw_ends_early() const {
  throw DataError(fmt::format("{}: ends early, after {} bytes", what_, bytes_.size()));
}

void write_gamma(BitWriter& out, std::uint32_t value) {
  ensure(value >= 1, "Elias' gamma code begins at 1");
  const int more = std::bit_width(value) - 1;
  out.write(0, more);
  out.write(1, 1);
  out.write(value, more);  // without its leading one
}

std::uint32_t read_gamma(BitReader& in) {
  const int more = std::countr_zero(in.peek());
  if (more > 31) {
    in.skip(std::min<std::uint64_t>(in.left() + 1, 57));  // nothing left, or damaged
    throw DataError(in.what() + ": a number of more than 32 bits; the data is damaged");
  }
  in.skip(more + 1);
  const std::uint32_t rest = in.read(more);
  return (std::uint32_t(1) << more) | rest;
}

std::vector<std::uint8_t> pack_codes(std::span<const std::uint32_t> codes, int width) {
  ensure(0 <= width && width <= 32, "a field has 0 to 32 bits");
  const std::uint64_t size = bytes_of(codes.size() * std::uint64_t(width));
  // Each store writes eight bytes, of which those not yet full are written again.
  std::vector<std::uint8_t> bytes(size + 8);
  std::uint8_t* out = bytes.data();
  std::uint64_t pending = 0;
  int pending_bits = 0;
  for (const std::uint32_t code : codes) {
    pending |= std::uint64_t(code) << pending_bits;
    pending_bits += width;
    std::memcpy(out, &pending, 8);
    out += pending_bits / 8;
    pending >>= pending_bits & ~7;
    pending_bits &= 7;
  }
  bytes.resize(size);
  return bytes;
}

void unpack_codes(std::span<const std::uint8_t> bytes, int width,
                  std::span<std::uint32_t> codes) {
  ensure(0 <= width && width <= 32, "a field has 0 to 32 bits");
  const std::uint64_t size = bytes_of(codes.size() * std::uint64_t(width));
  if (bytes.size() < size) {
    throw DataError(fmt::format("packed codes: ends early, {} bytes, expected {}",
                                bytes.size(), size));
  }
  std::size_t i = 0;
  std::uint64_t bit = 0;
  for (; i < codes.size() && bit / 8 + 8 <= size; ++i, bit += width) {
    codes[i] = field_at(bytes.data(), bit, width);
  }
  BitReader rest(bytes.subspan(bit / 8), "packed codes");
  rest.skip(bit % 8);
  for (; i < codes.size(); ++i) codes[i] = rest.read(width);
  rest.expect_end();
}

}  // namespace bitsweep
