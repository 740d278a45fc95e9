#include "framework/quant/moments.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "framework/engine/reductions.h"
#include "framework/quant/loops.h"

namespace bitsweep {
namespace {

// The zero of a rising function between 0 and 100, to the last bit but a few.
template <class F>
double zero_of(F f) {
  double low = 0, high = 100;
  for (int i = 0; i < 200; ++i) {
    const double middle = (low + high) / 2;
    (f(middle) < 0 ? low : high) = middle;
  }
  return (low + high) / 2;
}

struct Moments {
  double count = 0, mean = 0;
  double squares = 0;  // of what is off the mean
  double off = 0;      // sum of distances from each batch's mean
};

Moments moments_of(std::span<const float> x) {
  const float* p = x.data();
  Moments m{.count = double(x.size())};
  m.mean = sum_over(x.size(), [p](std::size_t i) { return double(p[i]); }) / m.count;
  const double mean = m.mean;
  m.squares = sum_over(x.size(), [p, mean](std::size_t i) {
    return (double(p[i]) - mean) * (double(p[i]) - mean);
  });
  m.off = sum_over(x.size(),
                   [p, mean](std::size_t i) { return std::fabs(double(p[i]) - mean); });
  return m;
}

// Of both together.
Moments joined(const Moments& a, const Moments& b) {
  const double count = a.count + b.count, apart = b.mean - a.mean;
  return {.count = count,
          .mean = a.mean + apart * (b.count / count),
          .squares = a.squares + b.squares + apart * apart * a.count * (b.count / count),
          .off = a.off + b.off};
}

class MomentRange : public RangeEstimator {
 public:
  void collect(std::span<const float> x) override {
    if (x.empty()) return;
    const auto [low, high] = kernels::min_max(x);
    seen_ = all_.count == 0 ? Range{low, high}
                            : Range{std::min(seen_.low, low), std::max(seen_.high, high)};
    all_ = joined(all_, moments_of(x));
    const float* p = x.data();
    positive_ += sum_over(x.size(), [p](std::size_t i) { return double(p[i] > 0); });
    positive_sum_ +=
        sum_over(x.size(), [p](std::size_t i) { return std::max(0.0, double(p[i])); });
    positive_squares_ += sum_over(x.size(), [p](std::size_t i) {
      const double v = std::max(0.0, double(p[i]));
      return v * v;
    });
  }

 protected:
  // No further than what was seen.
  Range around(double middle, double reach) const {
    return {float(std::max(double(seen_.low), middle - reach)),
            float(std::min(double(seen_.high), middle + reach))};
  }

  Range seen_;
  Moments all_;
  double positive_ = 0, positive_sum_ = 0, positive_squares_ = 0;
};

class Deviations final : public MomentRange {
 public:
  explicit Deviations(double deviations) : deviations_(deviations) {}

  Range range() const override {
    if (all_.count == 0) return {0, 0};
    return around(all_.mean, deviations_ * std::sqrt(all_.squares / all_.count));
  }

 private:
  double deviations_;
};

class Aciq final : public MomentRange {
 public:
  Aciq(bool laplace, int bits) : laplace_(laplace), bits_(bits) {}

  // Values that are never negative are what a ReLU leaves of a density about 0: the grid
  // has only its positive half to cover, as one of a bit more would the whole.
  Range range() const override {
    if (all_.count == 0 || seen_.low == seen_.high) return seen_;
    if (seen_.low >= 0) {
      const double scale =
          laplace_ ? positive_sum_ / positive_ : std::sqrt(positive_squares_ / positive_);
      return {0, around(0, scale * clip(bits_ + 1)).high};
    }
    const double scale =
        laplace_ ? all_.off / all_.count : std::sqrt(all_.squares / all_.count);
    return around(all_.mean, scale * clip(bits_));
  }

 private:
  double clip(int bits) const { return laplace_ ? laplace_clip(bits) : gauss_clip(bits); }

  bool laplace_;
  int bits_;
};

}  // namespace

// The derivative's zero: a e^a = 3 4^bits.
double laplace_clip(int bits) {
  const double log_side = std::log(3.0) + bits * std::log(4.0);
  return zero_of([=](double a) { return a + std::log(a) - log_side; });
}

// a (erfc(a / sqrt 2) + 1 / (3 4^bits)) = sqrt(2 / pi) e^(-a^2 / 2).
double gauss_clip(int bits) {
  const double grid = 1 / (3 * std::pow(4.0, bits));
  const double peak = std::sqrt(2 / std::numbers::pi);
  return zero_of([=](double a) {
    return a * (std::erfc(a / std::numbers::sqrt2) + grid) - peak * std::exp(-a * a / 2);
  });
}

std::unique_ptr<RangeEstimator> make_deviations_estimator(double deviations) {
  return std::make_unique<Deviations>(deviations);
}

std::unique_ptr<RangeEstimator> make_aciq_estimator(bool laplace, int bits) {
  return std::make_unique<Aciq>(laplace, bits);
}

}  // namespace bitsweep
