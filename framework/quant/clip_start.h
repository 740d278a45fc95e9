// Where a clip begins by what calibration has seen: the choices that methods share.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "framework/quant/range.h"

namespace bitsweep {

/// A parameter `init` of "max", "percentile" or "mse" means the largest of the values,
/// the one that a share of them (a parameter `percentile`) does not exceed, or the end of
/// the grid that errs least in the mean square. Any other name is the method's own
/// affair.
class ClipStart {
 public:
  ClipStart(std::string_view init, RangeOptions options);

  /// Values in any number of batches: their magnitudes count.
  void collect(std::span<const float> x);
  /// For grids from 0 up: values above 0 alone.
  void collect_positive(std::span<const float> x);

  /// None where the method has its own way; 0 of nothing.
  std::optional<float> clip() const;

 private:
  std::unique_ptr<RangeEstimator> range_;  // or null
};

/// What the parameter `percentile` of such methods is for.
inline constexpr const char* kPercentileHelp =
    "Share of the values, in percent, below the start of `init: percentile`.";

}  // namespace bitsweep
