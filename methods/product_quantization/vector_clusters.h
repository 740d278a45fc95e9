// Clusters of short vectors: Lloyd's iteration, in double precision.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "framework/core/random.h"

namespace bitsweep::methods {

/// `size()` vectors of `dimension` values, one behind the other.
struct Vectors {
  std::size_t dimension = 1;
  std::vector<double> values;

  std::size_t size() const { return values.size() / dimension; }
  std::span<const double> operator[](std::size_t i) const {
    return {values.data() + i * dimension, dimension};
  }
  std::span<double> operator[](std::size_t i) {
    return {values.data() + i * dimension, dimension};
  }
};

inline double square_distance(std::span<const double> a, std::span<const double> b) {
  double sum = 0;
  for (std::size_t j = 0; j < a.size(); ++j) sum += (a[j] - b[j]) * (a[j] - b[j]);
  return sum;
}

struct VectorClusters {
  Vectors centroids;
  std::vector<std::size_t> cluster_of;  // of each vector
};

/// Finds the nearest of some centroids: all distances side by side, in vector registers.
class NearestCentroid {
 public:
  explicit NearestCentroid(const Vectors& centroids)
      : count_(centroids.size()),
        columns_(centroids.values.size()),
        distances_(centroids.size()) {
    for (std::size_t k = 0; k < count_; ++k) {
      for (std::size_t j = 0; j < centroids.dimension; ++j) {
        columns_[j * count_ + k] = centroids[k][j];
      }
    }
  }

  /// Of two as near the first.
  std::size_t of(std::span<const double> v) {
    double* const distances = distances_.data();
    std::fill(distances_.begin(), distances_.end(), 0.0);
    for (std::size_t j = 0; j < v.size(); ++j) {
      const double* const column = columns_.data() + j * count_;
#pragma GCC ivdep
      for (std::size_t k = 0; k < count_; ++k) {
        distances[k] += (column[k] - v[j]) * (column[k] - v[j]);
      }
    }
    return std::size_t(std::min_element(distances_.begin(), distances_.end()) -
                       distances_.begin());
  }

 private:
  std::size_t count_;
  std::vector<double> columns_;  // [dimension, centroids]
  std::vector<double> distances_;
};

/// Each centroid goes to the mean of the vectors nearest to it until no vector changes
/// its cluster, or `most_iterations` times. A centroid without vectors takes half of the
/// fullest cluster's place: both stand a little to its sides (Stock et al.).
inline VectorClusters cluster_vectors(const Vectors& points, Vectors start,
                                      int most_iterations, const RandomStream& random) {
  constexpr double kLittle = 1e-8;
  VectorClusters found{std::move(start), {}};
  Vectors& centroids = found.centroids;
  const std::size_t count = centroids.size(), dimension = points.dimension;
  std::uint32_t draw = 0;
  for (int iteration = 0; iteration < most_iterations; ++iteration) {
    std::vector<std::size_t> now(points.size()), members(count);
    NearestCentroid nearest(centroids);
    for (std::size_t i = 0; i < points.size(); ++i) {
      now[i] = nearest.of(points[i]);
      ++members[now[i]];
    }
    const bool is_stable = now == found.cluster_of;
    found.cluster_of = std::move(now);
    if (is_stable) break;
    Vectors sums{dimension, std::vector<double>(count * dimension)};
    for (std::size_t i = 0; i < points.size(); ++i) {
      const auto sum = sums[found.cluster_of[i]];
      for (std::size_t j = 0; j < dimension; ++j) sum[j] += points[i][j];
    }
    for (std::size_t k = 0; k < count; ++k) {
      for (std::size_t j = 0; members[k] > 0 && j < dimension; ++j) {
        centroids[k][j] = sums[k][j] / double(members[k]);
      }
    }
    for (std::size_t k = 0; k < count; ++k) {
      if (members[k] > 0) continue;
      const auto fullest =
          std::size_t(std::max_element(members.begin(), members.end()) - members.begin());
      for (std::size_t j = 0; j < dimension; ++j) {
        const double e = kLittle * random.normal_at(draw++);
        centroids[k][j] = centroids[fullest][j] + e;
        centroids[fullest][j] -= e;
      }
      members[k] = members[fullest] / 2;
      members[fullest] -= members[k];
    }
  }
  return found;
}

}  // namespace bitsweep::methods
