// Estimators of a tensor's range, by name: what a grid has to reach.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bitsweep {

struct Range {
  float low = 0;
  float high = 0;
  friend bool operator==(const Range&, const Range&) = default;
};

/// Looks at any number of batches; NaNs are passed over, an infinity counts as the
/// largest float.
class RangeEstimator {
 public:
  virtual ~RangeEstimator() = default;
  virtual void collect(std::span<const float> x) = 0;
  /// Of everything collected; {0, 0} when that is nothing.
  virtual Range range() const = 0;
};

struct RangeOptions {
  double percentile = 99.99;  // of |x|
  int steps = 127;            // from 0 to the end of the grid whose error `mse` minimizes
  std::vector<float> levels;  // of that grid where steps are unequal: ascending to 1
  double momentum = 0.9;      // of the moving average: the weight of what came before
};

/// max_abs: [-m, m], m the largest |x|. min_max: least and largest. moving_average: the
/// same of each batch, averaged. percentile: [-t, t] for the t which that share of all
/// |x| does not exceed. mse: [-t, t] for the t, a hundredth part of m or several, at
/// which rounding all |x| to multiples of t / steps (or to t times the nearest of
/// `levels`) and clipping at t errs least in the mean square.
std::vector<std::string> range_names();
std::unique_ptr<RangeEstimator> make_range_estimator(std::string_view name,
                                                     RangeOptions options = {});

}  // namespace bitsweep
