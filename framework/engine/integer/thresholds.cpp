#include "framework/engine/integer/thresholds.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <type_traits>

#include "framework/core/error.h"

namespace bitsweep {
namespace {

constexpr std::size_t kMostCounted = 63;  // thresholds; beyond it a search is quicker
constexpr std::size_t kChunk = 64;        // channels at a time
constexpr std::uint32_t kSign = 0x80000000u;

// Reverses the order: -x of a float, -1 - x of an integer; both exact, for any x.
template <class T>
constexpr std::uint32_t kFlip = std::is_same_v<T, float> ? kSign : ~std::uint32_t{0};

template <class T>
T flipped(T x, std::uint32_t flip) {
  return std::bit_cast<T>(std::bit_cast<std::uint32_t>(x) ^ flip);
}

template <class T>
T magnitude(T x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  if constexpr (std::is_same_v<T, float>) {
    return std::bit_cast<float>(bits & ~kSign);
  } else {
    constexpr T kLargest = std::numeric_limits<T>::max();
    return x >= 0 ? x : x == -kLargest - 1 ? kLargest : -x;
  }
}

}  // namespace

template <class T>
ThresholdCodes<T>::ThresholdCodes(const ThresholdTable<T>& table)
    : channels_(std::size_t(table.channels)),
      count_(table.thresholds.size() / channels_),
      of_magnitude_(table.of_magnitude),
      ascending_(table.thresholds.begin(), table.thresholds.end()),
      by_threshold_(ascending_.size()),
      flips_(channels_) {
  ensure(table.thresholds.size() == channels_ * count_ && count_ <= 255,
         "each channel has the same number of thresholds, at most 255");
  for (std::size_t c = 0; c < channels_; ++c) {
    if (!table.descending.empty() && table.descending[c] != 0) flips_[c] = kFlip<T>;
    const auto begin = ascending_.begin() + std::ptrdiff_t(c * count_);
    const auto end = begin + std::ptrdiff_t(count_);
    std::transform(begin, end, begin, [&](T t) { return flipped(t, flips_[c]); });
    std::sort(begin, end);
    for (std::size_t i = 0; i < count_; ++i)
      by_threshold_[i * channels_ + c] = begin[std::ptrdiff_t(i)];
  }
}

template <class T>
void ThresholdCodes<T>::encode(std::span<const T> x,
                               std::span<std::uint8_t> codes) const {
  const std::size_t pixels = x.size() / channels_;
  if (count_ <= kMostCounted) {
    count(x.data(), pixels, codes.data());
  } else {
    search(x.data(), pixels, codes.data());
  }
}

// Compares with every threshold, some channels at a time; where one table serves all,
// some elements at a time.
template <class T>
void ThresholdCodes<T>::count(const T* x, std::size_t pixels, std::uint8_t* codes) const {
  const bool one_table = channels_ == 1;
  const std::size_t rows = one_table ? 1 : pixels, depth = one_table ? pixels : channels_;
  T values[kChunk];
  std::int32_t counts[kChunk];
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t begin = 0; begin < depth; begin += kChunk) {
      const std::size_t size = std::min(kChunk, depth - begin);
      const T* from = x + row * depth + begin;
      std::fill(counts, counts + size, 0);
      for (std::size_t c = 0; c < size; ++c) {
        const T value = of_magnitude_ ? magnitude(from[c]) : from[c];
        values[c] = flipped(value, flips_[one_table ? 0 : begin + c]);
      }
      for (std::size_t i = 0; i < count_; ++i) {
        if (one_table) {
          const T t = by_threshold_[i];
          for (std::size_t c = 0; c < size; ++c) counts[c] += values[c] >= t;
        } else {
          const T* t = by_threshold_.data() + i * channels_ + begin;
          for (std::size_t c = 0; c < size; ++c) counts[c] += values[c] >= t[c];
        }
      }
      std::uint8_t* to = codes + row * depth + begin;
      for (std::size_t c = 0; c < size; ++c) to[c] = std::uint8_t(counts[c]);
    }
  }
}

template <class T>
void ThresholdCodes<T>::search(const T* x, std::size_t pixels,
                               std::uint8_t* codes) const {
  for (std::size_t i = 0; i < pixels * channels_; ++i) {
    const std::size_t c = channels_ == 1 ? 0 : i % channels_;
    const T value = flipped(of_magnitude_ ? magnitude(x[i]) : x[i], flips_[c]);
    // Thresholds [0, reached) are passed; the next one not passed is within `left` of it.
    const T* first = ascending_.data() + c * count_;
    const T* reached = first;
    for (std::size_t left = count_; left > 0;) {
      const std::size_t half = (left + 1) / 2;
      reached += half * std::size_t(value >= reached[half - 1]);  // without a branch
      left -= half;
    }
    codes[i] = std::uint8_t(reached - first);
  }
}

template class ThresholdCodes<float>;
template class ThresholdCodes<std::int32_t>;

}  // namespace bitsweep
