// Codes by thresholds: a monotone grid behind a batch normalisation is a staircase of
// what comes before it, so a table of thresholds does both at once. Source: Umuroglu et
// al. 2017, arXiv:1612.07119, section 4.2.2.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace bitsweep {

/// code = the number of thresholds t with x >= t; in a descending channel, with x <= t
/// (a negative scale of the batch normalisation). NaN gets code 0.
template <class T>
struct ThresholdTable {
  int channels = 1;               // 1: the same for all
  std::span<const T> thresholds;  // [channels][0 to 255 of them], in any order
  std::span<const std::uint8_t> descending = {};  // one a channel; empty: none is
  bool of_magnitude = false;  // |x| instead of x; that of the smallest integer saturates
};

/// The table made ready, T float or int32_t. One object serves several threads.
template <class T>
class ThresholdCodes {
 public:
  explicit ThresholdCodes(const ThresholdTable<T>& table);

  /// x: [pixels, channels], codes alike, not overlapping. No allocation.
  void encode(std::span<const T> x, std::span<std::uint8_t> codes) const;

 private:
  void count(const T* x, std::size_t pixels, std::uint8_t* codes) const;
  void search(const T* x, std::size_t pixels, std::uint8_t* codes) const;

  std::size_t channels_, count_;
  bool of_magnitude_;
  // Descending channels are made ascending: their thresholds and x change order by the
  // same bits, which `flips_` holds. A table for all is repeated to fill vectors.
  std::vector<T> ascending_;          // [channels][count]
  std::vector<T> by_threshold_;       // [count][channels]
  std::vector<std::uint32_t> flips_;  // [channels]
};

}  // namespace bitsweep
