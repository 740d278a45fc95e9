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
  int steps = 127;            // of a grid from 0 to its end; its levels are one more
  std::vector<float> levels;  // of `mse` where steps are unequal: ascending to 1
  int bits = 8;               // of the grid that the range is for
  double momentum = 0.9;      // of moving averages: the weight of what came before
  double deviations = 3;      // to either side of the mean
  bool within_data = false;   // [-t, t] reaches no further than what was seen
};

/// max_abs: [-m, m], m the largest |x|. min_max: least and largest. moving_average: the
/// same of each batch, averaged from the first batch's on (PyTorch: momentum 0.99).
/// moving_average_debiased: averaged from 0 on, over the sum of the weights (TensorFlow).
/// percentile: [-t, t] for the t which that share of all |x| does not exceed. mse: [-t,
/// t] for the t, a hundredth part of m or several, at which rounding all |x| to multiples
/// of t / steps (or to t times the nearest of `levels`) and clipping at t errs least in
/// the mean square.
///
/// kl_tensorrt, kl_mxnet, kl_neural_compressor: [-t, t] for the t of the least divergence
/// (see divergence.h). TensorRT: 2048 bins, the `steps` + 1 levels of a magnitude, from
/// 128 bins on, t = (bins + 1/2) widths; zeros that ReLU leaves make t far too short.
/// kl_nvidia: the same as NVIDIA's toolkit for PyTorch has it: the first bin takes the
/// second's count, so that they do not; the whole range is a candidate, t is the edge of
/// the last bin kept, the largest of equals. MXNet: 8001 bins
/// on [-m, m], 2 steps + 1 levels. Neural Compressor: 2048 bins of |x|, 2^bits - 1
/// levels, t = (bins + 1/2) widths. Where a grid has more levels than there are bins, t =
/// m.
///
/// histogram_pytorch: of 2048 bins as PyTorch's histogram observer searches them (see
/// histogram_search.h). deviations: mean +- n deviations. aciq_laplace, aciq_gauss: mean
/// +- the clip of the least expected error of such a density (see moments.h), its scale
/// from the mean distance from the mean, or the deviation; of values that are never
/// negative, [0, t] by the values above 0. The last three reach no further than what was
/// seen.
std::vector<std::string> range_names();
std::unique_ptr<RangeEstimator> make_range_estimator(std::string_view name,
                                                     RangeOptions options = {});

}  // namespace bitsweep
