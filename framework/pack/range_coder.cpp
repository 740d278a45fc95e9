#include "framework/pack/range_coder.h"

namespace bitsweep {

void RangeEncoder::carry() {
  std::size_t i = bytes_.size();
  while (++bytes_[--i] == 0) {
  }
}

void RangeEncoder::shift() {
  for (int bit = 56; bit >= 32; bit -= 8) bytes_.push_back(std::uint8_t(low_ >> bit));
  low_ <<= 32;
  range_ <<= 32;
}

std::vector<std::uint8_t> RangeEncoder::finish() {
  // The number in [low, low + range) with the most zero bits at its end.
  for (int zeros = 63; zeros >= 0; --zeros) {
    const std::uint64_t below = (std::uint64_t(1) << zeros) - 1;
    const std::uint64_t up = (low_ + below) & ~below;
    if (up - low_ >= range_) continue;
    if (up < low_) carry();
    low_ = up;
    break;
  }
  for (int bit = 56; bit >= 0; bit -= 8) bytes_.push_back(std::uint8_t(low_ >> bit));
  while (!bytes_.empty() && bytes_.back() == 0) bytes_.pop_back();
  return std::move(bytes_);
}

RangeDecoder::RangeDecoder(std::span<const std::uint8_t> bytes) : bytes_(bytes) {
  for (; next_ < 8; ++next_) {
    value_ = value_ << 8 | (next_ < bytes_.size() ? bytes_[next_] : 0u);
  }
}

void RangeDecoder::shift() {
  for (int i = 0; i < 4; ++i, ++next_) {
    value_ = value_ << 8 | (next_ < bytes_.size() ? bytes_[next_] : 0u);
  }
  range_ <<= 32;
}

}  // namespace bitsweep
