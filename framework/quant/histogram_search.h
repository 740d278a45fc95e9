// PyTorch's histogram observer (torch.ao.quantization, version 1.13): the range of the
// least error among those that leave out a little more of either end at a time.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "framework/quant/range.h"

namespace bitsweep {

/// Counts of values between two ends. A batch that reaches further makes the bins wider:
/// the new width is a multiple of the old one's 128th part, so that the range may end a
/// little beyond the largest value; counts are spread evenly over their old bins.
///
/// Departs from version 1.13, whose bins begin and end at the ends' integer parts.
class EndsHistogram {
 public:
  explicit EndsHistogram(std::size_t bins) : counts_(bins) {}

  /// Finite values.
  void collect(std::span<const float> x);

  float low() const { return low_; }
  float high() const { return high_; }
  const std::vector<double>& counts() const { return counts_; }

 private:
  std::vector<double> counted(std::span<const float> x, double low, double high) const;
  std::vector<double> moved(double low, double fine_width, double fine_bins) const;

  std::vector<double> counts_;
  float low_ = 0, high_ = 0;
  bool empty_ = true;
};

/// Starts from all bins; each step leaves out another 1e-5 of all values, at the end
/// where that takes more bins. It stops before the square error, of values spread evenly
/// in their bins and rounded to `levels` equal intervals' middles, rises.
Range search_range(const EndsHistogram& histogram, int levels);

}  // namespace bitsweep
