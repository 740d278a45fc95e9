#include "framework/quant/reduce.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include "framework/core/parallel.h"

namespace bitsweep {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr std::size_t kLanes = 16;

// Folds x in blocks, each in kLanes values which the compiler keeps in vector registers.
template <class Fold, class Join>
float fold(std::span<const float> x, float start, Fold take, Join join) {
  std::vector<float> partial(std::size_t(block_count(x.size())), start);
  parallel_ranges(x.size(), [&](std::size_t begin, std::size_t end) {
    float lanes[kLanes];
    std::fill(lanes, lanes + kLanes, start);
    std::size_t i = begin;
    for (; i + kLanes <= end; i += kLanes) {
#pragma GCC unroll 1
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        lanes[lane] = take(lanes[lane], x[i + lane]);
      }
    }
    for (std::size_t lane = 0; i < end; ++i, ++lane)
      lanes[lane] = take(lanes[lane], x[i]);
    float& folded = partial[begin / kBlockElements];
    for (const float value : lanes) folded = join(folded, value);
  });
  float folded = start;
  for (const float value : partial) folded = join(folded, value);
  return folded;
}

// A comparison with NaN is false: the kept value stands.
constexpr auto larger = [](float kept, float v) { return v > kept ? v : kept; };
constexpr auto smaller = [](float kept, float v) { return v < kept ? v : kept; };

}  // namespace

double sum(std::span<const float> x) {
  return sum_over(x.size(), [p = x.data()](std::size_t i) { return double(p[i]); });
}

double sum_abs(std::span<const float> x) {
  return sum_over(x.size(),
                  [p = x.data()](std::size_t i) { return double(std::fabs(p[i])); });
}

float max_abs(std::span<const float> x) {
  return fold(
      x, 0, [](float kept, float v) { return larger(kept, std::fabs(v)); }, larger);
}

Extremes extremes(std::span<const float> x) {
  return {fold(x, kInfinity, smaller, smaller), fold(x, -kInfinity, larger, larger)};
}

}  // namespace bitsweep
