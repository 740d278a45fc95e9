// Bits in bytes. The first bit of a stream is the least significant one of its first
// byte; a field of several bits goes in with its least significant bit first. The last
// byte is filled up with zeros.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "framework/core/error.h"

namespace bitsweep {

static_assert(std::endian::native == std::endian::little,
              "streams are read and written eight bytes at once");

/// The narrowest width in which codes 0 ... alphabet - 1 fit; 0 for an alphabet of one.
constexpr int code_width(std::uint64_t alphabet) {
  return alphabet < 2 ? 0 : std::bit_width(alphabet - 1);
}

constexpr std::uint64_t low_bits(std::uint64_t value, int width) {
  return value & ((std::uint64_t(1) << width) - 1);
}

class BitWriter {
 public:
  /// Appends the lowest `width` bits of `value`, 0 to 32.
  void write(std::uint32_t value, int width) {
    pending_ |= low_bits(value, width) << pending_bits_;
    pending_bits_ += width;
    if (pending_bits_ >= 32) flush_word();
  }

  std::uint64_t bit_count() const {
    return bytes_.size() * 8 + std::uint64_t(pending_bits_);
  }

  /// What was written, in whole bytes.
  std::vector<std::uint8_t> bytes() const;

 private:
  void flush_word() {
    const std::size_t end = bytes_.size();
    bytes_.resize(end + 4);
    std::memcpy(&bytes_[end], &pending_, 4);
    pending_ >>= 32;
    pending_bits_ -= 32;
  }

  std::vector<std::uint8_t> bytes_;
  std::uint64_t pending_ = 0;
  int pending_bits_ = 0;
};

/// Reads what a BitWriter wrote. Never reads outside its bytes: throws DataError, whose
/// text begins with `what`.
class BitReader {
 public:
  explicit BitReader(std::span<const std::uint8_t> bytes, std::string what = "bit stream")
      : bytes_(bytes), what_(std::move(what)) {}

  /// The next `width` bits, 0 to 32.
  std::uint32_t read(int width) {
    const std::uint64_t word = peek();
    skip(std::uint64_t(width));
    return std::uint32_t(low_bits(word, width));
  }

  /// The bits that follow, at least 57 of them; zeros behind the end.
  std::uint64_t peek() const {
    const std::size_t at = position_ / 8;
    std::uint64_t word = 0;
    if (at + 8 <= bytes_.size()) {
      std::memcpy(&word, &bytes_[at], 8);
    } else if (at < bytes_.size()) {
      std::memcpy(&word, &bytes_[at], bytes_.size() - at);
    }
    return word >> (position_ % 8);
  }

  void skip(std::uint64_t bits) {
    if (bits > left()) throw_ends_early();
    position_ += bits;
  }

  std::uint64_t position() const { return position_; }
  std::uint64_t left() const { return bytes_.size() * 8 - position_; }
  std::span<const std::uint8_t> bytes() const { return bytes_; }
  const std::string& what() const { return what_; }

  /// Throws DataError unless nothing is left but the zeros of the last byte.
  void expect_end() const;

 private:
  [[noreturn]] void throw_ends_early() const;

  std::span<const std::uint8_t> bytes_;
  std::string what_;
  std::uint64_t position_ = 0;
};

/// Elias' gamma code: value >= 1 in 2 floor(log2 value) + 1 bits.
constexpr std::uint64_t gamma_bits(std::uint32_t value) {
  return std::uint64_t(2 * std::bit_width(value) - 1);
}
void write_gamma(BitWriter& out, std::uint32_t value);
std::uint32_t read_gamma(BitReader& in);

/// Codes side by side in fields of `width` bits, 0 to 32. Codes must fit.
std::vector<std::uint8_t> pack_codes(std::span<const std::uint32_t> codes, int width);

/// The inverse: takes exactly the bytes of `codes.size()` fields, else throws DataError.
void unpack_codes(std::span<const std::uint8_t> bytes, int width,
                  std::span<std::uint32_t> codes);

}  // namespace bitsweep
