#include "framework/quant/histogram.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "framework/engine/reductions.h"

namespace bitsweep {
namespace {

double number_count(std::span<const float> x) {
  return double(
      std::count_if(x.begin(), x.end(), [](float v) { return !std::isnan(v); }));
}

}  // namespace

void MagnitudeHistogram::collect(std::span<const float> x) {
  const float largest = finite(kernels::max_abs(x));
  largest_ = std::max(largest_, largest);
  if (largest_ == 0) {
    zeros_ += number_count(x);
    return;
  }
  reach(largest);
  const std::size_t last = counts_.size() - 1;
  for (const float v : x) {
    if (std::isnan(v)) continue;
    const double bin = std::fabs(double(finite(v))) / width_;
    ++counts_[std::min(std::size_t(bin), last)];
  }
}

void MagnitudeHistogram::reach(double largest) {
  if (counts_.empty()) {
    width_ = largest / double(first_bins_);
    counts_.resize(first_bins_);
    counts_.front() = zeros_;
    return;
  }
  while (std::ceil(largest / width_) > double(2 * first_bins_)) {
    if (counts_.size() % 2 != 0) counts_.push_back(0);
    for (std::size_t bin = 0; bin < counts_.size() / 2; ++bin) {
      counts_[bin] = counts_[2 * bin] + counts_[2 * bin + 1];
    }
    counts_.resize(counts_.size() / 2);
    width_ *= 2;
  }
  counts_.resize(std::max(counts_.size(), std::size_t(std::ceil(largest / width_))));
}

void CentredHistogram::collect(std::span<const float> x) {
  const float largest = finite(kernels::max_abs(x));
  largest_ = std::max(largest_, largest);
  if (largest_ == 0) {
    zeros_ += number_count(x);
    return;
  }
  reach(largest);
  const double left = half();
  const std::size_t last = counts_.size() - 1;
  for (const float v : x) {
    if (std::isnan(v)) continue;
    const double bin = std::max(0.0, (double(finite(v)) + left) / width_);
    ++counts_[std::min(std::size_t(bin), last)];
  }
}

void CentredHistogram::reach(double largest) {
  if (counts_.empty()) {
    width_ = 2 * largest / double(first_bins_);
    counts_.resize(first_bins_);
    counts_[first_bins_ / 2] = zeros_;
    return;
  }
  const auto missing = [&] {
    return largest <= half() ? 0.0 : std::floor((largest - half()) / width_) + 1;
  };
  while (double(counts_.size()) + 2 * missing() > double(2 * first_bins_ + 1)) {
    while (counts_.size() % 3 != 0) {  // it stays odd
      counts_.insert(counts_.begin(), 0);
      counts_.push_back(0);
    }
    std::vector<double> merged(counts_.size() / 3);
    for (std::size_t bin = 0; bin < counts_.size(); ++bin) {
      merged[bin / 3] += counts_[bin];
    }
    counts_ = std::move(merged);
    width_ *= 3;
  }
  const auto added = std::size_t(missing());
  counts_.insert(counts_.begin(), added, 0);
  counts_.resize(counts_.size() + added);
}

}  // namespace bitsweep
