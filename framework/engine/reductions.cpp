#include "framework/engine/reductions.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "framework/core/parallel.h"

namespace bitsweep::kernels {
namespace {

constexpr std::size_t kLanes = 32;  // four AVX2 registers hide an addition's latency
constexpr std::size_t kSpill = 64 * kLanes;  // 64 float terms a lane, then into a double

// The sum of f(x[i]): short float sums, side by side, added up in double.
template <class F>
double lane_sum(const float* x, std::size_t n, F f) {
  double total = 0;
  std::size_t i = 0;
  while (i + kLanes <= n) {
    const std::size_t end = i + std::min(kSpill, (n - i) / kLanes * kLanes);
    float lane[kLanes] = {};
    for (; i < end; i += kLanes) {
      for (std::size_t l = 0; l < kLanes; ++l) lane[l] += f(x[i + l]);
    }
    for (const float partial : lane) total += partial;
  }
  for (; i < n; ++i) total += f(x[i]);
  return total;
}

// The largest f(x[i]), at least `start`. Comparisons with NaN are false: it is passed
// over.
template <class F>
float lane_max(const float* x, std::size_t n, float start, F f) {
  float lane[kLanes];
  for (float& most : lane) most = start;
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (std::size_t l = 0; l < kLanes; ++l) {
      const float v = f(x[i + l]);
      lane[l] = v > lane[l] ? v : lane[l];
    }
  }
  float most = start;
  for (; i < n; ++i) most = f(x[i]) > most ? f(x[i]) : most;
  for (const float m : lane) most = m > most ? m : most;
  return most;
}

template <class F>
double blockwise_sum(std::span<const float> x, F f) {
  return parallel_sum(x.size(), [&](std::size_t begin, std::size_t end) {
    return lane_sum(x.data() + begin, end - begin, f);
  });
}

template <class F>
float blockwise_max(std::span<const float> x, float start, F f) {
  constexpr std::size_t kMostBlocks = 64;
  float block_max[kMostBlocks];
  const std::size_t size =
      std::max(kBlockElements, (x.size() + kMostBlocks - 1) / kMostBlocks);
  const std::size_t blocks = (x.size() + size - 1) / size;
  parallel_blocks(int(blocks), [&](int block) {
    const std::size_t begin = std::size_t(block) * size;
    const std::size_t end = std::min(x.size(), begin + size);
    block_max[block] = lane_max(x.data() + begin, end - begin, start, f);
  });
  return std::accumulate(block_max, block_max + blocks, start,
                         [](float a, float b) { return std::max(a, b); });
}

constexpr float kLowest = -std::numeric_limits<float>::infinity();

}  // namespace

double sum(std::span<const float> x) {
  return blockwise_sum(x, [](float v) { return v; });
}

double sum_abs(std::span<const float> x) {
  return blockwise_sum(x, [](float v) { return std::fabs(v); });
}

double sum_squares(std::span<const float> x) {
  return blockwise_sum(x, [](float v) { return v * v; });
}

double mean_abs(std::span<const float> x) {
  return x.empty() ? 0 : sum_abs(x) / double(x.size());
}

float max_abs(std::span<const float> x) {
  return blockwise_max(x, 0, [](float v) { return std::fabs(v); });
}

MinMax min_max(std::span<const float> x) {
  if (x.empty()) return {};
  return {-blockwise_max(x, kLowest, [](float v) { return -v; }),
          blockwise_max(x, kLowest, [](float v) { return v; })};
}

Beyond beyond(std::span<const float> x, float threshold) {
  const double count = blockwise_sum(
      x, [threshold](float v) { return std::fabs(v) > threshold ? 1.0f : 0.0f; });
  const double sum_abs_beyond = blockwise_sum(x, [threshold](float v) {
    const float magnitude = std::fabs(v);
    return magnitude > threshold ? magnitude : 0.0f;
  });
  return {std::size_t(count), sum_abs_beyond};
}

}  // namespace bitsweep::kernels
