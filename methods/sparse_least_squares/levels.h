// A few levels for many values on a line: least squares with few jumps.
// Wang, Yang, Wang, Yan, "Scalar Quantization as Sparse Least Square Optimization",
// arXiv:1803.00204; letters are the paper's.
//
// The different values w_1 < ... < w_m are V alpha with alpha = 1, where V_ij = d_j for
// i >= j, d_1 = w_1 and d_j = w_j - w_(j-1). A zero of alpha merges a value with the one
// before it, so that few of them not zero leave few levels.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

namespace bitsweep::methods {

/// Different values, ascending, and how much each counts.
struct WeighedValues {
  std::vector<double> values;
  std::vector<double> weights;

  std::size_t size() const { return values.size(); }
};

/// Of sorted values. More than `most` different ones are merged to their means, in runs
/// of as many neighbours. `by_count`: a value counts as often as it stands there.
inline WeighedValues weighed_values(std::span<const double> sorted, std::size_t most,
                                    bool by_count) {
  WeighedValues all;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    const bool is_new = i == 0 || sorted[i] != sorted[i - 1];
    if (is_new) {
      all.values.push_back(sorted[i]);
      all.weights.push_back(1);
    } else if (by_count) {
      all.weights.back() += 1;
    }
  }
  const std::size_t run = (all.size() + most - 1) / most;
  if (run <= 1) return all;
  WeighedValues merged;
  for (std::size_t begin = 0; begin < all.size(); begin += run) {
    double weight = 0, sum = 0;
    for (std::size_t i = begin; i < std::min(all.size(), begin + run); ++i) {
      weight += all.weights[i];
      sum += all.weights[i] * all.values[i];
    }
    merged.values.push_back(sum / weight);
    merged.weights.push_back(weight);
  }
  return merged;
}

/// Sums over runs of values in constant time.
class Runs {
 public:
  explicit Runs(const WeighedValues& w)
      : weight_(w.size() + 1), first_(w.size() + 1), second_(w.size() + 1) {
    for (std::size_t i = 0; i < w.size(); ++i) {
      const double p = w.weights[i], v = w.values[i];
      weight_[i + 1] = weight_[i] + p;
      first_[i + 1] = first_[i] + p * v;
      second_[i + 1] = second_[i] + p * v * v;
    }
  }
  double mean(std::size_t begin, std::size_t end) const {
    return (first_[end] - first_[begin]) / (weight_[end] - weight_[begin]);
  }
  /// The squared error of one level, the mean, for the whole run.
  double error(std::size_t begin, std::size_t end) const {
    const double sum = first_[end] - first_[begin];
    const double squares = second_[end] - second_[begin];
    return std::max(0.0, squares - sum * sum / (weight_[end] - weight_[begin]));
  }

 private:
  std::vector<double> weight_, first_, second_;
};

/// l0: the least squared error with at most `count` levels, exactly, by dynamic
/// programming over runs. Where the best last run begins only rises with its end, so that
/// each level takes m log m.
class OptimalLevels {
 public:
  OptimalLevels(const WeighedValues& w, std::size_t count)
      : runs_(w), size_(w.size()), count_(std::min(count, w.size())) {
    least_.resize(size_ + 1);
    for (std::size_t end = 1; end <= size_; ++end) least_[end] = runs_.error(0, end);
    begins_.assign(count_, std::vector<std::size_t>(size_ + 1, 0));
    for (std::size_t level = 1; level < count_; ++level) {
      before_ = least_;
      solve(level, level + 1, size_, level, size_ - 1);
    }
  }

  std::vector<double> levels() const {
    std::vector<double> levels(count_);
    std::size_t end = size_;
    for (std::size_t level = count_; level-- > 0;) {
      const std::size_t begin = level == 0 ? 0 : begins_[level][end];
      levels[level] = runs_.mean(begin, end);
      end = begin;
    }
    return levels;
  }

 private:
  // For the ends of [first, last], whose last run begins within [low, high].
  void solve(std::size_t level, std::size_t first, std::size_t last, std::size_t low,
             std::size_t high) {
    if (first > last) return;
    const std::size_t end = (first + last) / 2;
    double least = std::numeric_limits<double>::infinity();
    std::size_t best = low;
    for (std::size_t begin = low; begin <= std::min(high, end - 1); ++begin) {
      const double error = before_[begin] + runs_.error(begin, end);
      if (error < least) {
        least = error;
        best = begin;
      }
    }
    least_[end] = least;
    begins_[level][end] = best;
    if (end > first) solve(level, first, end - 1, low, best);
    solve(level, end + 1, last, best, high);
  }

  Runs runs_;
  std::size_t size_, count_;
  std::vector<double> least_, before_;  // error of the first values, by their number
  std::vector<std::vector<std::size_t>> begins_;
};

/// l1: alpha that minimises sum_i p_i (w_i - (V alpha)_i)^2 + lambda sum_j |alpha_j|, by
/// coordinate descent from alpha = 1.
inline std::vector<double> sparse_jumps(const WeighedValues& w, double lambda,
                                        int most_sweeps = 20000) {
  const double still =
      1e-12 * std::max(std::fabs(w.values.front()), std::fabs(w.values.back()));
  const std::size_t m = w.size();
  std::vector<double> d(m), norm(m), alpha(m, 1), residual(m, 0);
  double weight = 0;
  for (std::size_t j = m; j-- > 0;) {
    d[j] = j == 0 ? w.values[0] : w.values[j] - w.values[j - 1];
    weight += w.weights[j];
    norm[j] = d[j] * d[j] * weight;
  }
  for (int sweep = 0; sweep < most_sweeps; ++sweep) {
    double total = 0;  // of p_i r_i for i >= j
    for (std::size_t i = 0; i < m; ++i) total += w.weights[i] * residual[i];
    double shift = 0, most = 0;  // what earlier jumps of this sweep took from r_i
    for (std::size_t j = 0; j < m; ++j) {
      if (norm[j] > 0) {
        const double rho = d[j] * total + norm[j] * alpha[j];
        const double size = std::max(0.0, std::fabs(rho) - lambda / 2) / norm[j];
        const double now = std::copysign(size, rho);
        const double change = d[j] * (now - alpha[j]);
        most = std::max(most, std::fabs(change));
        total -= change * norm[j] / (d[j] * d[j]);
        shift += change;
        alpha[j] = now;
      }
      residual[j] -= shift;
      total -= w.weights[j] * residual[j];
    }
    if (most <= still) break;
  }
  return alpha;
}

/// V alpha, the shrunken levels before they are fitted again.
inline std::vector<double> levels_of(const WeighedValues& w,
                                     std::span<const double> alpha) {
  std::vector<double> fitted(w.size());
  double level = 0;
  for (std::size_t i = 0; i < w.size(); ++i) {
    level += (i == 0 ? w.values[0] : w.values[i] - w.values[i - 1]) * alpha[i];
    fitted[i] = level;
  }
  return fitted;
}

/// The levels that the support of alpha leaves, each fitted again: the mean of its run;
/// 0 for values before the first.
inline std::vector<double> refitted(const WeighedValues& w,
                                    std::span<const double> alpha) {
  const Runs runs(w);
  std::vector<double> levels;
  for (std::size_t i = 0; i < w.size();) {
    std::size_t end = i + 1;
    while (end < w.size() && alpha[end] == 0) ++end;
    levels.push_back(i == 0 && alpha[0] == 0 ? 0 : runs.mean(i, end));
    i = end;
  }
  std::sort(levels.begin(), levels.end());
  return levels;
}

/// l1 with the least lambda, of those tried, that leaves at most `count` levels: doubled
/// until it does, then halved in between.
inline std::vector<double> sparse_levels(const WeighedValues& w, std::size_t count) {
  constexpr int kHalvings = 8;
  constexpr int kSweeps = 1000;  // the support settles long before the levels
  if (w.size() <= count) return w.values;
  double low = 0, high = 1e-3 * std::max(1e-30, Runs(w).error(0, w.size()));
  std::vector<double> levels = refitted(w, sparse_jumps(w, high, kSweeps));
  for (int i = 0; levels.size() > count && i < 100; ++i) {
    low = high;
    high *= 2;
    levels = refitted(w, sparse_jumps(w, high, kSweeps));
  }
  for (int i = 0; i < kHalvings; ++i) {
    const double middle = (low + high) / 2;
    auto tried = refitted(w, sparse_jumps(w, middle, kSweeps));
    if (tried.size() > count) {
      low = middle;
    } else {
      high = middle;
      levels = std::move(tried);
    }
  }
  return levels;
}

}  // namespace bitsweep::methods
