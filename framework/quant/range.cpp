#include "framework/quant/range.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <limits>
#include <tuple>
#include <utility>

#include "framework/core/error.h"
#include "framework/engine/reductions.h"
#include "framework/quant/entropy_range.h"
#include "framework/quant/histogram.h"
#include "framework/quant/histogram_search.h"
#include "framework/quant/moments.h"

namespace bitsweep {
namespace {

class MaxAbs final : public RangeEstimator {
 public:
  void collect(std::span<const float> x) override {
    largest_ = std::max(largest_, finite(kernels::max_abs(x)));
  }
  Range range() const override { return {-largest_, largest_}; }

 private:
  float largest_ = 0;
};

class LeastAndLargest final : public RangeEstimator {
 public:
  void collect(std::span<const float> x) override {
    const auto [low, high] = kernels::min_max(x);
    if (x.empty() || low > high) return;  // no number in it
    range_ = empty_ ? Range{finite(low), finite(high)}
                    : Range{std::min(range_.low, finite(low)),
                            std::max(range_.high, finite(high))};
    empty_ = false;
  }
  Range range() const override { return range_; }

 private:
  Range range_;
  bool empty_ = true;
};

// In float and in PyTorch's order of operations: low + (1 - momentum) (new - low).
class MovingAverage final : public RangeEstimator {
 public:
  explicit MovingAverage(double momentum) : rate_(float(1 - momentum)) {}

  void collect(std::span<const float> x) override {
    const auto [low, high] = kernels::min_max(x);
    if (x.empty() || low > high) return;
    const Range batch{finite(low), finite(high)};
    range_ = empty_ ? batch
                    : Range{range_.low + rate_ * (batch.low - range_.low),
                            range_.high + rate_ * (batch.high - range_.high)};
    empty_ = false;
  }
  Range range() const override { return range_; }

 private:
  float rate_;
  Range range_;
  bool empty_ = true;
};

// From 0 on, over the sum of the weights.
class DebiasedAverage final : public RangeEstimator {
 public:
  explicit DebiasedAverage(double momentum) : momentum_(momentum) {}

  void collect(std::span<const float> x) override {
    const auto [low, high] = kernels::min_max(x);
    if (x.empty() || low > high) return;
    low_ = momentum_ * low_ + (1 - momentum_) * finite(low);
    high_ = momentum_ * high_ + (1 - momentum_) * finite(high);
    weight_ = momentum_ * weight_ + (1 - momentum_);
  }
  Range range() const override {
    if (weight_ == 0) return {0, 0};
    return {float(low_ / weight_), float(high_ / weight_)};
  }

 private:
  double momentum_;
  double low_ = 0;
  double high_ = 0;
  double weight_ = 0;  // of all batches
};

// Counts of |x| in bins of equal width. The width is a power of two, doubled when a value
// does not fit: neighbouring bins merge without loss, so that the counts do not depend on
// how the values were cut into batches.
class Histogram {
 public:
  static constexpr std::size_t kBins = 8192;

  void collect(std::span<const float> x) {
    const float largest = finite(kernels::max_abs(x));
    largest_ = std::max(largest_, largest);
    if (total_ == 0) width_ = std::ldexp(1.0, exponent_for(largest));
    while (largest >= width_ * double(kBins)) merge();
    for (const float v : x) {
      if (std::isnan(v)) continue;
      ++counts_[std::size_t(std::fabs(double(finite(v))) / width_)];
      ++total_;
    }
  }

  double width() const { return width_; }
  float largest() const { return largest_; }
  std::uint64_t total() const { return total_; }
  const std::vector<std::uint64_t>& counts() const { return counts_; }

 private:
  // The least power of two (of a float) of which kBins hold `largest`.
  static int exponent_for(float largest) {
    int exponent = -149;
    while (largest >= std::ldexp(double(kBins), exponent)) ++exponent;
    return exponent;
  }

  void merge() {
    for (std::size_t bin = 0; bin < kBins / 2; ++bin) {
      counts_[bin] = counts_[2 * bin] + counts_[2 * bin + 1];
    }
    std::fill(counts_.begin() + kBins / 2, counts_.end(), 0);
    width_ *= 2;
  }

  std::vector<std::uint64_t> counts_ = std::vector<std::uint64_t>(kBins);
  double width_ = 1;
  float largest_ = 0;
  std::uint64_t total_ = 0;
};

class Percentile final : public RangeEstimator {
 public:
  explicit Percentile(double percent) : share_(percent / 100) {}

  void collect(std::span<const float> x) override { histogram_.collect(x); }

  // The upper edge of the first bin up to which the share is reached.
  Range range() const override {
    const double wanted = share_ * double(histogram_.total());
    double seen = 0;
    std::size_t bin = 0;
    for (; bin < Histogram::kBins; ++bin) {
      seen += double(histogram_.counts()[bin]);
      if (seen >= wanted) break;
    }
    const double edge = double(bin + 1) * histogram_.width();
    const float end = float(std::min(edge, double(histogram_.largest())));
    return {-end, end};
  }

 private:
  double share_;
  Histogram histogram_;
};

class LeastSquares final : public RangeEstimator {
 public:
  LeastSquares(int steps, std::vector<float> levels)
      : steps_(steps), levels_(std::move(levels)) {}

  void collect(std::span<const float> x) override { histogram_.collect(x); }

  Range range() const override {
    double best_end = histogram_.largest();
    double least = error(best_end);
    for (int percent = 99; percent >= 1; --percent) {
      const double end = histogram_.largest() * double(percent) / 100;
      const double squares = error(end);
      if (squares < least) std::tie(least, best_end) = std::pair(squares, end);
    }
    return {-float(best_end), float(best_end)};
  }

 private:
  // Every value stands for its bin's middle.
  double error(double end) const {
    if (end / steps_ == 0) return 0;
    double squares = 0;
    for (std::size_t bin = 0; bin < Histogram::kBins; ++bin) {
      if (histogram_.counts()[bin] == 0) continue;
      const double middle = (double(bin) + 0.5) * histogram_.width();
      const double rounded = end * nearest(middle / end);
      squares +=
          double(histogram_.counts()[bin]) * (rounded - middle) * (rounded - middle);
    }
    return squares;
  }

  // Of the grid from 0 to 1.
  double nearest(double share) const {
    if (levels_.empty())
      return std::min(std::rint(share * steps_), double(steps_)) / steps_;
    const auto above = std::lower_bound(levels_.begin(), levels_.end(), share);
    if (above == levels_.begin()) return *above;
    const double below = *std::prev(above);
    return above == levels_.end() || share - below <= *above - share ? below : *above;
  }

  int steps_;
  std::vector<float> levels_;
  Histogram histogram_;
};

// PyTorch's observer has as many levels as its type, whatever codes are used of them.
class HistogramSearch final : public RangeEstimator {
 public:
  explicit HistogramSearch(int bits) : levels_(1 << bits) {}

  void collect(std::span<const float> x) override { histogram_.collect(x); }
  Range range() const override { return search_range(histogram_, levels_); }

 private:
  int levels_;
  EndsHistogram histogram_{2048};
};

// For estimators that do not care for NaN and infinity themselves.
class OfNumbers final : public RangeEstimator {
 public:
  explicit OfNumbers(std::unique_ptr<RangeEstimator> estimator)
      : estimator_(std::move(estimator)) {}

  void collect(std::span<const float> x) override {
    if (std::all_of(x.begin(), x.end(), [](float v) { return std::isfinite(v); })) {
      return estimator_->collect(x);
    }
    std::vector<float> numbers;
    for (const float v : x) {
      if (!std::isnan(v)) numbers.push_back(finite(v));
    }
    estimator_->collect(numbers);
  }
  Range range() const override { return estimator_->range(); }

 private:
  std::unique_ptr<RangeEstimator> estimator_;
};

class WithinData final : public RangeEstimator {
 public:
  explicit WithinData(std::unique_ptr<RangeEstimator> estimator)
      : estimator_(std::move(estimator)) {}

  void collect(std::span<const float> x) override {
    ends_.collect(x);
    estimator_->collect(x);
  }
  Range range() const override {
    const Range range = estimator_->range(), ends = ends_.range();
    return {std::clamp(range.low, ends.low, ends.high),
            std::clamp(range.high, ends.low, ends.high)};
  }

 private:
  LeastAndLargest ends_;
  std::unique_ptr<RangeEstimator> estimator_;
};

// Null for other names.
std::unique_ptr<RangeEstimator> make_symmetric_estimator(std::string_view name,
                                                         const RangeOptions& options) {
  if (name == "max_abs") return std::make_unique<MaxAbs>();
  if (name == "percentile") return std::make_unique<Percentile>(options.percentile);
  if (name == "mse") return std::make_unique<LeastSquares>(options.steps, options.levels);
  return make_entropy_estimator(name, options);
}

std::unique_ptr<RangeEstimator> make_estimator_of_numbers(std::string_view name,
                                                          const RangeOptions& options) {
  if (name == "histogram_pytorch") return std::make_unique<HistogramSearch>(options.bits);
  if (name == "deviations") return make_deviations_estimator(options.deviations);
  const bool laplace = name == "aciq_laplace";
  ensure(laplace || name == "aciq_gauss", "a schema let only known names through");
  return make_aciq_estimator(laplace, options.bits);
}

}  // namespace

std::vector<std::string> range_names() {
  return {"max_abs",           "min_max",
          "moving_average",    "moving_average_debiased",
          "percentile",        "mse",
          "kl_tensorrt",       "kl_nvidia",
          "kl_mxnet",          "kl_neural_compressor",
          "histogram_pytorch", "deviations",
          "aciq_laplace",      "aciq_gauss"};
}

std::unique_ptr<RangeEstimator> make_range_estimator(std::string_view name,
                                                     RangeOptions options) {
  if (name == "min_max") return std::make_unique<LeastAndLargest>();
  if (name == "moving_average") return std::make_unique<MovingAverage>(options.momentum);
  if (name == "moving_average_debiased") {
    return std::make_unique<DebiasedAverage>(options.momentum);
  }
  if (auto symmetric = make_symmetric_estimator(name, options)) {
    if (!options.within_data) return symmetric;
    return std::make_unique<WithinData>(std::move(symmetric));
  }
  return std::make_unique<OfNumbers>(make_estimator_of_numbers(name, options));
}

}  // namespace bitsweep
