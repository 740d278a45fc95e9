#include "framework/quant/histogram_search.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "framework/engine/reductions.h"
#include "framework/quant/histogram.h"

namespace bitsweep {
namespace {

constexpr float kUpsampled = 128;  // fine bins in a bin

double cubes(double from, double to) { return (to * to * to - from * from * from) / 3; }

struct BinRange {
  std::size_t first, last;
  friend bool operator==(const BinRange&, const BinRange&) = default;
};

// The square error of all values when [first, last] is the range.
double square_error(const EndsHistogram& histogram, BinRange kept, int levels) {
  const auto& counts = histogram.counts();
  const double width =
      (double(histogram.high()) - double(histogram.low())) / double(counts.size());
  const double interval = width * double(kept.last - kept.first + 1) / levels;
  if (interval == 0) return 0;
  const auto index_of = [&](double x) {
    return std::clamp(std::floor(x / interval), 0.0, double(levels - 1));
  };
  double total = 0;
  for (std::size_t bin = 0; bin < counts.size(); ++bin) {
    if (counts[bin] == 0) continue;
    const double begin = (double(bin) - double(kept.first)) * width;
    const double end = begin + width;
    const double of_begin = index_of(begin), of_end = index_of(end);
    const double half = interval / 2;
    const double error = cubes(begin - (of_begin + 0.5) * interval, half) +
                         (of_end - of_begin - 1) * cubes(-half, half) +
                         cubes(-half, end - (of_end + 0.5) * interval);
    total += counts[bin] / width * error;
  }
  return total;
}

}  // namespace

void EndsHistogram::collect(std::span<const float> x) {
  if (x.empty()) return;
  // A difference of two ends, and of ends that grew, stays a float.
  constexpr float kFarthest = std::numeric_limits<float>::max() / 8;
  const auto ends = kernels::min_max(x);
  const float least = std::clamp(ends.min, -kFarthest, kFarthest);
  const float largest = std::clamp(ends.max, -kFarthest, kFarthest);
  const float fine = (high_ - low_) / (float(counts_.size()) * kUpsampled);
  if (empty_ || fine == 0) {  // a first batch of one value has no width to keep
    empty_ = false;
    low_ = least;
    high_ = largest;
    counts_ = counted(x, low_, high_);
    return;
  }
  const float low = std::min(low_, least);
  float high = std::max(high_, largest);
  std::vector<double> counts;
  if (low == low_ && high == high_) {
    counts = counted(x, low, high);
    for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += counts_[i];
  } else {
    // In float, in PyTorch's order of operations.
    const auto bins = float(counts_.size());
    const float fine_bins = std::ceil((high - low) / (bins * fine));
    high += fine_bins * (bins * fine) - (high - low);
    counts = counted(x, low, high);
    const auto before = moved(low, fine, fine_bins);
    for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += before[i];
  }
  counts_ = std::move(counts);
  low_ = low;
  high_ = high;
}

std::vector<double> EndsHistogram::counted(std::span<const float> x, double low,
                                           double high) const {
  std::vector<double> counts(counts_.size());
  if (low == high) {  // as if one to either side
    counts[counts.size() / 2] = double(x.size());
    return counts;
  }
  const double by_width = double(counts.size()) / (high - low);
  for (const float v : x) {
    const double bin = std::max(0.0, (double(v) - low) * by_width);
    ++counts[std::min(std::size_t(bin), counts.size() - 1)];
  }
  return counts;
}

// The counts in bins of `fine_bins` fine ones each, from `low` on.
std::vector<double> EndsHistogram::moved(double low, double fine_width,
                                         double fine_bins) const {
  std::vector<double> sums(counts_.size() + 1);
  std::partial_sum(counts_.begin(), counts_.end(), sums.begin() + 1);
  const double start = std::rint((double(low_) - low) / fine_width);
  const auto below = [&](double fine_end) {
    const double at =
        std::clamp((fine_end - start) / kUpsampled, 0.0, double(counts_.size()));
    const auto bin = std::min(std::size_t(at), counts_.size() - 1);
    return sums[bin] + (at - double(bin)) * counts_[bin];
  };
  std::vector<double> counts(counts_.size());
  for (std::size_t i = 0; i < counts.size(); ++i) {
    counts[i] = below(double(i + 1) * fine_bins) - below(double(i) * fine_bins);
  }
  return counts;
}

Range search_range(const EndsHistogram& histogram, int levels) {
  constexpr double kStep = 1e-5;
  const auto& counts = histogram.counts();
  const double width =
      (double(histogram.high()) - double(histogram.low())) / double(counts.size());
  if (width == 0) return {histogram.low(), histogram.high()};
  std::vector<double> sums(counts.size());
  std::partial_sum(counts.begin(), counts.end(), sums.begin());
  const double total = sums.back();

  double below = 0, above = 1;
  BinRange kept{0, counts.size() - 1};
  double least = std::numeric_limits<double>::infinity();
  while (below < above) {
    std::size_t first = kept.first, last = kept.last;
    while (first < kept.last && sums[first] < (below + kStep) * total) ++first;
    while (last > kept.first && sums[last] > (above - kStep) * total) --last;
    BinRange next = kept;
    if (first - kept.first > kept.last - last) {
      next.first = first;
      below += kStep;
    } else {
      next.last = last;
      above -= kStep;
    }
    if (next == kept) continue;
    const double error = square_error(histogram, next, levels);
    if (error > least) break;
    least = error;
    kept = next;
  }
  // In float, as PyTorch computes both.
  const float bin = (histogram.high() - histogram.low()) / float(counts.size());
  if (bin == 0) return {histogram.low(), histogram.high()};
  return {finite(histogram.low() + bin * float(kept.first)),
          finite(histogram.low() + bin * float(kept.last + 1))};
}

}  // namespace bitsweep
