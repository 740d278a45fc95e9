// Counts of values in bins of equal width, of any number of batches: what range
// estimators search. Memory is bounded: where a batch reaches too far, bins merge.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace bitsweep {

/// An infinity as the largest float, which it counts as in histograms and ranges.
inline float finite(float v) {
  constexpr float kLargest = std::numeric_limits<float>::max();
  return std::clamp(v, -kLargest, kLargest);
}
/// The same of a bound worked out in double.
inline float finite(double v) {
  constexpr double kLargest = std::numeric_limits<float>::max();
  return float(std::clamp(v, -kLargest, kLargest));
}

/// Counts of |x|. The first batch with a value other than 0 sets the width: its largest
/// |x| over `bins`. Later batches that reach further append bins of that width, up to
/// twice `bins`; beyond, neighbouring bins merge and the width doubles. NaNs are passed
/// over, an infinity counts as the largest float.
class MagnitudeHistogram {
 public:
  explicit MagnitudeHistogram(std::size_t bins) : first_bins_(bins) {}

  void collect(std::span<const float> x);

  double width() const { return width_; }
  float largest() const { return largest_; }
  /// Empty where nothing but 0 was seen.
  const std::vector<double>& counts() const { return counts_; }

 private:
  void reach(double largest);

  std::size_t first_bins_;
  std::vector<double> counts_;
  double width_ = 0;
  float largest_ = 0;
  double zeros_ = 0;  // seen before there was a width
};

/// Counts of x in an odd number of bins centred on 0. It grows as the one above, by the
/// same number of bins on both sides; where bins merge, three become one.
class CentredHistogram {
 public:
  explicit CentredHistogram(std::size_t bins) : first_bins_(bins) {}

  void collect(std::span<const float> x);

  double width() const { return width_; }
  float largest() const { return largest_; }  // of |x|
  /// Empty where nothing but 0 was seen.
  const std::vector<double>& counts() const { return counts_; }

 private:
  void reach(double largest);
  double half() const { return double(counts_.size()) * width_ / 2; }

  std::size_t first_bins_;
  std::vector<double> counts_;
  double width_ = 0;
  float largest_ = 0;
  double zeros_ = 0;
};

}  // namespace bitsweep
