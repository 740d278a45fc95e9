// How many bits the codes of a tensor take, as a function of real-valued weights that has
// a gradient: the entropy of soft codes, u = |w| / step being shared between the two
// whole numbers beside it. A code is three decisions: another than zero?, at the
// frequency of its column (the weights of one input) within the tensor's; its sign, one
// bit; how large?, at the tensor's frequencies.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace bitsweep::methods {

class CodeLength {
 public:
  /// Weights are [rows, columns] and their codes -high to high.
  CodeLength(std::size_t columns, int high)
      : significant_(columns), nonzero_slope_(columns), masses_(std::size_t(high) + 1) {}

  /// Finds the frequencies of w's soft codes.
  void count(std::span<const float> w, float step) {
    step_ = step;
    const std::size_t columns = significant_.size();
    rows_ = double(w.size() / columns);
    const float unit = 1 / step;
    std::fill(significant_.begin(), significant_.end(), 0.0f);
    for (std::size_t begin = 0; begin < w.size(); begin += columns) {
      const float* const row = w.data() + begin;
      float* const sums = significant_.data();
#pragma GCC ivdep
      for (std::size_t c = 0; c < columns; ++c) {
        const float u = std::fabs(row[c]) * unit;
        sums[c] += u < 1 ? u : 1.0f;
      }
    }
    total_ = 0;
    for (const float sum : significant_) total_ += double(sum);
    count_sizes(w, unit);
    find_slopes();
  }

  /// Of all weights that were counted.
  double bits() const {
    const double mean = mean_significant();
    double sum = total_;  // signs
    for (const float own : significant_) {
      sum += (rows_ + kPrior) * entropy(share(own, mean)) - kPrior * entropy(mean);
    }
    double all = 0;
    for (std::size_t k = 1; k < masses_.size(); ++k) all += masses_[k];
    for (std::size_t k = 1; k < masses_.size(); ++k) {
      sum -= masses_[k] * std::log2(masses_[k] / all);
    }
    return sum;
  }

  /// Adds factor * d bits / d w to `gradient`; w is what was counted.
  void add_gradient(std::span<const float> w, double factor,
                    std::span<float> gradient) const {
    const std::size_t columns = significant_.size();
    const float scale = float(factor / double(step_)), step = step_;
    for (std::size_t begin = 0; begin < w.size(); begin += columns) {
      const float* const row = w.data() + begin;
      float* const to = gradient.data() + begin;
      const float* const slope = nonzero_slope_.data();
#pragma GCC ivdep
      for (std::size_t c = 0; c < columns; ++c) {
        const float v = row[c];
        const float sign = float(v > 0) - float(v < 0);
        to[c] += std::fabs(v) < step ? sign * scale * slope[c] : 0.0f;
      }
    }
    for (std::size_t i = 0; i < w.size(); ++i) {  // few
      if (!(std::fabs(w[i]) >= step)) continue;
      const std::size_t k = whole(std::fabs(w[i]) / step);
      gradient[i] += (w[i] > 0 ? scale : -scale) * size_slope(k);
    }
  }

  /// Bits that a weight of code 0 gains for each step it moves away.
  float nonzero_slope(std::size_t column) const { return nonzero_slope_[column]; }
  /// The same between the codes k >= 1 and k + 1.
  float size_slope(std::size_t k) const {
    if (k + 1 >= masses_.size()) return 0;
    return float(std::log2(masses_[k] / masses_[k + 1]));
  }

 private:
  // A column's frequency begins as that of so many weights of the tensor.
  static constexpr double kPrior = 8;
  static constexpr double kLeast = 0.5;  // counts begin with

  static double entropy(double p) {
    return -p * std::log2(p) - (1 - p) * std::log2(1 - p);
  }
  static double odds(double p) { return std::log2((1 - p) / p); }

  std::size_t whole(float u) const {
    return std::size_t(std::min(u, float(masses_.size() - 1)));
  }
  double weights() const { return rows_ * double(significant_.size()); }
  double mean_significant() const { return (total_ + kLeast) / (weights() + 2 * kLeast); }
  double share(float own, double mean) const {
    return (double(own) + kPrior * mean) / (rows_ + kPrior);
  }

  // What is beyond 1 is shared between its two neighbours; what is below is the share
  // of 1.
  void count_sizes(std::span<const float> w, float unit) {
    std::fill(masses_.begin(), masses_.end(), kLeast);
    double beyond = 0;
    for (const float v : w) {
      const float u = std::fabs(v) * unit;
      if (!(u >= 1)) continue;
      const std::size_t k = whole(u);
      const double part = k + 1 < masses_.size() ? double(u) - double(k) : 0;
      masses_[k] += 1 - part;
      if (part > 0) masses_[k + 1] += part;
      beyond += 1;
    }
    masses_[1] += std::max(0.0, total_ - beyond);
  }

  void find_slopes() {
    const double mean = mean_significant(), common = odds(mean);
    double all = 0, through_mean = 0;
    for (std::size_t k = 1; k < masses_.size(); ++k) all += masses_[k];
    for (const float own : significant_) through_mean += odds(share(own, mean)) - common;
    through_mean *= kPrior / (weights() + 2 * kLeast);
    const double first = 1 + std::log2(all / masses_[1]) + through_mean;
    for (std::size_t c = 0; c < significant_.size(); ++c) {
      nonzero_slope_[c] = float(odds(share(significant_[c], mean)) + first);
    }
  }

  float step_ = 1;
  double rows_ = 0, total_ = 0;       // of weights; of soft codes that are not zero
  std::vector<float> significant_;    // the latter by column
  std::vector<float> nonzero_slope_;  // by column
  std::vector<double> masses_;        // of soft codes k and -k
};

}  // namespace bitsweep::methods
