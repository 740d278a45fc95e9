// An arithmetic coder in the manner of range coders: decisions and symbols go in with
// their probabilities and take -log2(probability) bits. Whoever decodes must come by the
// same probabilities.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace bitsweep {

/// The probability of a 1 in units of 2^-16, between 1 and 65535.
using BitProbability = std::uint32_t;

/// A symbol's share of 2^16 places: `size` of them, at least 1, from `start` on.
struct Places {
  std::uint32_t start, size;
};
inline constexpr int kPlaceBits = 16;

class RangeEncoder {
 public:
  bool code(bool bit, BitProbability one) {
    const std::uint64_t bound = (range_ >> 16) * one;
    if (bit) {
      range_ = bound;
    } else {
      low_ += bound;
      if (low_ < bound) carry();
      range_ -= bound;
    }
    if (range_ < kSmallestRange) shift();
    return bit;
  }

  /// `symbols` tells the places of each symbol, of which no two share one.
  template <class Symbols>
  std::uint32_t code_symbol(std::uint32_t symbol, const Symbols& symbols) {
    const Places places = symbols.places(symbol);
    const std::uint64_t unit = range_ >> kPlaceBits;
    const std::uint64_t below = unit * places.start;
    low_ += below;
    if (low_ < below) carry();
    range_ = unit * places.size;
    if (range_ < kSmallestRange) shift();
    return symbol;
  }

  /// Ends the stream in as few bytes as tell it from all others; zeros at its end are
  /// left out.
  std::vector<std::uint8_t> finish();

  static constexpr std::uint64_t kSmallestRange = std::uint64_t(1) << 32;

 private:
  void carry();
  void shift();

  std::vector<std::uint8_t> bytes_;
  std::uint64_t low_ = 0;
  std::uint64_t range_ = ~std::uint64_t(0);
};

/// Reads zeros behind the end of its bytes, so that any bytes are the code of some
/// decisions: damage is not noticed here.
class RangeDecoder {
 public:
  explicit RangeDecoder(std::span<const std::uint8_t> bytes);

  /// The next decision; the argument is there so that one model serves both ways.
  bool code(bool, BitProbability one) {
    const std::uint64_t bound = (range_ >> 16) * one;
    const bool bit = value_ < bound;
    if (bit) {
      range_ = bound;
    } else {
      value_ -= bound;
      range_ -= bound;
    }
    if (range_ < RangeEncoder::kSmallestRange) shift();
    return bit;
  }

  /// The next symbol; `symbols` tells which one has a place, too. What no encoder writes
  /// is the symbol of the last place.
  template <class Symbols>
  std::uint32_t code_symbol(std::uint32_t, const Symbols& symbols) {
    constexpr std::uint64_t kLastPlace = (1u << kPlaceBits) - 1;
    const std::uint64_t unit = range_ >> kPlaceBits;
    const std::uint32_t symbol =
        symbols.at(std::uint32_t(std::min(value_ / unit, kLastPlace)));
    const Places places = symbols.places(symbol);
    value_ -= unit * places.start;
    range_ = unit * places.size;
    if (range_ < RangeEncoder::kSmallestRange) shift();
    return symbol;
  }

  /// Whether all bytes were read: false when some follow that no encoder would write.
  bool at_end() const { return next_ >= bytes_.size(); }

 private:
  void shift();

  std::span<const std::uint8_t> bytes_;
  std::size_t next_ = 0;
  std::uint64_t value_ = 0;
  std::uint64_t range_ = ~std::uint64_t(0);
};

}  // namespace bitsweep
