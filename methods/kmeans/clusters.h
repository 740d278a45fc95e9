// Clusters on a line: Lloyd's iteration and its starts, in double precision.
// Han, Mao, Dally, "Deep Compression", arXiv:1510.00149, section 3.1 and 3.2.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "framework/core/random.h"

namespace bitsweep::methods {

/// Of ascending values, which have an end: as many of each kind as are asked for.
using Centroids = std::vector<double>;  // ascending

/// Equally spaced from the least to the greatest value, both included.
inline Centroids linear_start(std::span<const double> sorted, std::size_t count) {
  const double low = sorted.front(), high = sorted.back();
  if (count == 1) return {(low + high) / 2};
  Centroids centroids(count);
  for (std::size_t i = 0; i < count; ++i) {
    centroids[i] = low + (high - low) * double(i) / double(count - 1);
  }
  return centroids;
}

/// At equal steps of the cumulative distribution, (i + 1/2) / count: between its points
/// (j + 1/2) / n it is taken as straight. The paper does not print the offsets.
inline Centroids density_start(std::span<const double> sorted, std::size_t count) {
  Centroids centroids(count);
  const double last = double(sorted.size() - 1);
  for (std::size_t i = 0; i < count; ++i) {
    const double share = (double(i) + 0.5) / double(count);
    const double at = std::clamp(share * double(sorted.size()) - 0.5, 0.0, last);
    const auto below = std::size_t(at);
    const auto above = std::min(below + 1, sorted.size() - 1);
    centroids[i] = sorted[below] + (at - double(below)) * (sorted[above] - sorted[below]);
  }
  return centroids;
}

/// Different values, drawn at random. There must be as many.
inline Centroids forgy_start(std::span<const double> sorted, std::size_t count,
                             const RandomStream& random) {
  Centroids different;
  std::unique_copy(sorted.begin(), sorted.end(), std::back_inserter(different));
  std::vector<std::uint32_t> order(different.size());
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    return random.uniform_at(a) < random.uniform_at(b);
  });
  Centroids centroids;
  for (std::size_t i = 0; i < count; ++i) centroids.push_back(different[order[i]]);
  std::sort(centroids.begin(), centroids.end());
  return centroids;
}

/// The nearest centroid, of two as near the lower.
inline std::size_t nearest_centroid(std::span<const double> centroids, double value) {
  const auto above = std::lower_bound(centroids.begin(), centroids.end(), value);
  const auto upper = std::size_t(above - centroids.begin());
  if (upper == 0) return 0;
  if (upper == centroids.size()) return upper - 1;
  return value - centroids[upper - 1] <= centroids[upper] - value ? upper - 1 : upper;
}

/// Each centroid goes to the mean of the values nearest to it until no value changes its
/// cluster. A centroid without values stays where it is.
inline Centroids lloyd(std::span<const double> sorted, Centroids centroids) {
  constexpr int kEnough = 10000;  // rounding might turn in a circle
  std::vector<double> sums(sorted.size() + 1);
  std::partial_sum(sorted.begin(), sorted.end(), sums.begin() + 1);
  std::vector<std::size_t> ends;  // of each cluster's values
  for (int iteration = 0; iteration < kEnough; ++iteration) {
    std::vector<std::size_t> now;
    for (std::size_t k = 0; k + 1 < centroids.size(); ++k) {
      const double low = centroids[k], high = centroids[k + 1];
      const auto end = std::partition_point(sorted.begin(), sorted.end(), [&](double v) {
        return v < low || v - low <= high - v;
      });
      now.push_back(std::size_t(end - sorted.begin()));
    }
    now.push_back(sorted.size());
    if (now == ends) break;
    ends = std::move(now);
    std::size_t begin = 0;
    for (std::size_t k = 0; k < centroids.size(); ++k) {
      const std::size_t end = std::max(begin, ends[k]);
      if (end > begin) centroids[k] = (sums[end] - sums[begin]) / double(end - begin);
      begin = end;
    }
  }
  return centroids;
}

}  // namespace bitsweep::methods
