// Sums and extremes over whole tensors (weights, calibration batches): blocks of
// fixed size on all threads, so the number of threads changes no bit. Called inside a
// parallel loop they run on the calling thread.
//
// Extremes ignore NaN; sums do not. Over nothing, everything is 0.
#pragma once

#include <cstddef>
#include <span>

namespace bitsweep {

struct MinMax {
  float min = 0;
  float max = 0;
  friend bool operator==(const MinMax&, const MinMax&) = default;
};

/// What lies beyond a threshold.
struct Beyond {
  std::size_t count = 0;
  double sum_abs = 0;
  friend bool operator==(const Beyond&, const Beyond&) = default;
};

namespace kernels {

double sum(std::span<const float> x);
double sum_abs(std::span<const float> x);
double sum_squares(std::span<const float> x);
double mean_abs(std::span<const float> x);
float max_abs(std::span<const float> x);
MinMax min_max(std::span<const float> x);
/// How many |x| > threshold, and their sum.
Beyond beyond(std::span<const float> x, float threshold);

}  // namespace kernels
}  // namespace bitsweep
