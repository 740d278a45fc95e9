// Sums, extremes and maps over whole tensors (weights, calibration batches): blocks of
// fixed size on all threads, so the number of threads changes no bit. Called inside a
// parallel loop they run on the calling thread.
//
// Extremes ignore NaN; sums do not. Over nothing, everything is 0.
#pragma once

#include <cstddef>
#include <span>

#include "framework/core/error.h"
#include "framework/core/parallel.h"

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

/// out[c] = reduce(row c) for x of shape [out.size(), values of a channel]: weights have
/// their output channels first. `channel_reduce(w, scales, mean_abs)`.
template <class Value, class Reduce>
void channel_reduce(std::span<const float> x, std::span<Value> out, Reduce reduce) {
  if (out.empty()) return;
  const std::size_t inner = x.size() / out.size();
  ensure(x.size() == out.size() * inner, "each channel has all its values");
  const std::size_t together = 1 + kBlockElements / (inner + 1);  // rows worth a thread
  const std::size_t blocks = (out.size() + together - 1) / together;
  parallel_blocks(int(blocks), [&](int block) {
    const std::size_t begin = std::size_t(block) * together;
    for (std::size_t c = begin; c < std::min(out.size(), begin + together); ++c) {
      out[c] = Value(reduce(x.subspan(c * inner, inner)));
    }
  });
}

/// y[i] = f(x[i]) over blocks in parallel; y may be x. A plain `f` becomes vector code.
template <class F>
void map_blocks(std::span<const float> x, std::span<float> y, F f) {
  ensure(x.size() == y.size(), "a map keeps the size");
  parallel_ranges(x.size(), [&](std::size_t begin, std::size_t end) {
    const float* in = x.data();
    float* out = y.data();
#pragma GCC ivdep
    for (std::size_t i = begin; i < end; ++i) out[i] = f(in[i]);
  });
}

}  // namespace kernels
}  // namespace bitsweep
