#include "framework/pack/byte_stream.h"

#include <bit>
#include <cmath>
#include <cstring>

#include <fmt/format.h>

#include "framework/core/error.h"

namespace bitsweep {
namespace {

static_assert(std::endian::native == std::endian::little,
              "floats are copied as they lie");

}  // namespace

void ByteWriter::unsigned_number(std::uint64_t value) {
  while (value >= 128) {
    byte(std::uint8_t(value | 128));
    value >>= 7;
  }
  byte(std::uint8_t(value));
}

void ByteWriter::signed_number(std::int64_t value) {
  unsigned_number((std::uint64_t(value) << 1) ^ std::uint64_t(value >> 63));
}

void ByteWriter::floats(std::span<const float> values) {
  const auto* const begin = reinterpret_cast<const std::uint8_t*>(values.data());
  bytes_.insert(bytes_.end(), begin, begin + values.size_bytes());
}

void ByteWriter::float_list(std::span<const float> values) {
  unsigned_number(values.size());
  floats(values);
}

void ByteWriter::text(std::string_view text) {
  unsigned_number(text.size());
  bytes_.insert(bytes_.end(), text.begin(), text.end());
}

void ByteWriter::raw(std::span<const std::uint8_t> bytes) {
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
}

std::uint8_t ByteReader::byte() { return raw(1).front(); }

std::uint64_t ByteReader::unsigned_number(std::uint64_t most, const char* what) {
  std::uint64_t value = 0;
  for (int shift = 0;; shift += 7) {
    const std::uint8_t next = byte();
    if (shift == 63 && next > 1) throw DataError(fmt::format("{} is too long", what));
    value |= std::uint64_t(next & 127) << shift;
    if (next < 128) break;
  }
  if (value > most) {
    throw DataError(fmt::format("{} is {}; expected at most {}", what, value, most));
  }
  return value;
}

std::int64_t ByteReader::signed_number(std::int64_t least, std::int64_t most,
                                       const char* what) {
  const std::uint64_t zigzag = unsigned_number(~std::uint64_t(0), what);
  const auto value = std::int64_t(zigzag >> 1) ^ -std::int64_t(zigzag & 1);
  if (least <= value && value <= most) return value;
  throw DataError(fmt::format("{} is {}; expected {} to {}", what, value, least, most));
}

std::vector<float> ByteReader::floats(std::size_t count) {
  if (count > bytes_.size() / sizeof(float)) throw DataError("it ends early");
  std::vector<float> values(count);
  const auto from = raw(count * sizeof(float));
  if (count > 0) std::memcpy(values.data(), from.data(), from.size());
  for (const float value : values) {
    if (!std::isfinite(value)) throw DataError("a number in it is not finite");
  }
  return values;
}

std::vector<float> ByteReader::float_list(std::size_t most, const char* what) {
  return floats(unsigned_number(most, what));
}

std::string ByteReader::text(std::size_t most, const char* what) {
  const auto bytes = raw(unsigned_number(most, what));
  return {bytes.begin(), bytes.end()};
}

std::span<const std::uint8_t> ByteReader::raw(std::size_t count) {
  if (count > bytes_.size()) throw DataError("it ends early");
  const auto read = bytes_.first(count);
  bytes_ = bytes_.subspan(count);
  return read;
}

void ByteReader::expect_end() const {
  if (bytes_.empty()) return;
  throw DataError(fmt::format("{} bytes follow behind its end", bytes_.size()));
}

}  // namespace bitsweep
