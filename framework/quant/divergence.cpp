#include "framework/quant/divergence.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "framework/core/parallel.h"

namespace bitsweep {
namespace {

constexpr double kInfiniteDivergence = std::numeric_limits<double>::infinity();

using Bins = std::span<const double>;

double times_log(double p) { return p == 0 ? 0 : p * std::log(p); }

// Sums over the bins before each, so that a group of bins costs one logarithm.
class Sums {
 public:
  explicit Sums(Bins bins)
      : counts_(bins.size() + 1), filled_(bins.size() + 1), entropy_(bins.size() + 1) {
    for (std::size_t i = 0; i < bins.size(); ++i) {
      counts_[i + 1] = counts_[i] + bins[i];
      filled_[i + 1] = filled_[i] + (bins[i] != 0);
      entropy_[i + 1] = entropy_[i] + times_log(bins[i]);
    }
  }

  std::size_t size() const { return counts_.size() - 1; }
  double counts(std::size_t begin, std::size_t end) const {
    return counts_[end] - counts_[begin];
  }
  double filled(std::size_t begin, std::size_t end) const {
    return filled_[end] - filled_[begin];
  }
  // The sum of p ln p.
  double entropy(std::size_t end) const { return entropy_[end]; }

 private:
  std::vector<double> counts_, filled_, entropy_;
};

// D(P || Q), P the first `kept` bins with all else in the last, Q the mean count of each
// group's filled bins on those. Group g ends before bin `end_of(g)`.
template <class EndOf>
double clipped_divergence(const Sums& sums, std::size_t kept, std::size_t groups,
                          EndOf end_of) {
  const double inside = sums.counts(0, kept), beyond = sums.counts(kept, sums.size());
  const double last = sums.counts(kept - 1, kept), all = inside + beyond;
  if (last == 0 && beyond > 0) return kInfiniteDivergence;
  double cross = 0;  // the sum of p ln q
  for (std::size_t group = 0, begin = 0; group < groups; ++group) {
    const std::size_t end = end_of(group);
    const double count = sums.counts(begin, end);
    const double outliers = end == kept && begin < end ? beyond : 0;
    if (count > 0) {
      cross += (count + outliers) * std::log(count / sums.filled(begin, end));
    }
    begin = end;
  }
  const double entropy = sums.entropy(kept) - times_log(last) + times_log(last + beyond);
  return (entropy - cross) / all + std::log(inside / all);
}

double tensorrt(const Sums& sums, std::size_t kept, std::size_t levels) {
  // Bin t belongs to group floor(t levels / kept).
  return clipped_divergence(sums, kept, levels, [=](std::size_t group) {
    return ((group + 1) * kept + levels - 1) / levels;
  });
}

double neural_compressor(const Sums& sums, std::size_t kept, std::size_t levels) {
  return clipped_divergence(sums, kept, levels, [=](std::size_t group) {
    return group + 1 == levels ? kept : (group + 1) * (kept / levels);
  });
}

struct FilledBin {
  std::size_t at;
  double count;
};

std::vector<FilledBin> filled_bins(Bins bins) {
  std::vector<FilledBin> filled;
  for (std::size_t i = 0; i < bins.size(); ++i) {
    if (bins[i] != 0) filled.push_back({i, bins[i]});
  }
  return filled;
}

// A window of MXNet's: bins that P has, and what Q has there.
struct Pair {
  double p, q;
};

// Bins of `window`, sorted, the first of which counts for P alone.
std::vector<Pair> mxnet_pairs(const std::vector<FilledBin>& window, std::size_t size,
                              std::size_t levels, double beyond_first,
                              double beyond_last) {
  const std::size_t merged = size / levels;
  const auto level_of = [&](std::size_t at) { return std::min(at / merged, levels - 1); };
  std::vector<double> total(levels), number(levels);
  for (const auto& bin : window) {
    if (bin.at == 0) continue;
    total[level_of(bin.at)] += bin.count;
    ++number[level_of(bin.at)];
  }
  const auto mean = [&](std::size_t at) {
    const std::size_t level = level_of(at);
    return number[level] == 0 ? 0 : total[level] / number[level];
  };
  std::vector<Pair> pairs;
  pairs.reserve(window.size() + 2);
  if (beyond_first > 0 && (window.empty() || window.front().at != 0)) {
    pairs.push_back({beyond_first, mean(0)});
  }
  for (const auto& bin : window) {
    pairs.push_back({bin.count + (bin.at == 0 ? beyond_first : 0) +
                         (bin.at == size - 1 ? beyond_last : 0),
                     mean(bin.at)});
  }
  if (beyond_last > 0 && (window.empty() || window.back().at != size - 1)) {
    pairs.push_back({beyond_last, mean(size - 1)});
  }
  return pairs;
}

// Empty bins of either get a little, which the others give.
double smoothed_divergence(const std::vector<Pair>& pairs, std::size_t size) {
  constexpr double kLittle = 1e-4;
  double all_p = 0, all_q = 0, filled_q = 0;
  for (const auto& [p, q] : pairs) {
    all_p += p;
    all_q += q;
    filled_q += q != 0;
  }
  if (pairs.empty() || filled_q == 0) return kInfiniteDivergence;
  const double empty_p = double(size) - double(pairs.size());
  const double from_p = kLittle * empty_p / double(pairs.size());
  const double from_q = kLittle * (double(size) - filled_q) / filled_q;
  double total = kLittle * empty_p * std::log(all_q / all_p);
  for (const auto& [count_p, count_q] : pairs) {
    const double p = count_p - from_p, q = count_q == 0 ? kLittle : count_q - from_q;
    if (p <= 0 || q <= 0) return kInfiniteDivergence;
    total += p * std::log(p * all_q / (q * all_p));
  }
  return total / all_p;
}

double mxnet(const std::vector<FilledBin>& filled, std::size_t bins, std::size_t half,
             std::size_t levels) {
  const std::size_t begin = bins / 2 - half, size = 2 * half + 1;
  double before = 0, after = 0;
  std::vector<FilledBin> window;
  window.reserve(filled.size());
  for (const auto& bin : filled) {
    if (bin.at < begin) {
      before += bin.count;
    } else if (bin.at >= begin + size) {
      after += bin.count;
    } else {
      window.push_back({bin.at - begin, bin.count});
    }
  }
  return smoothed_divergence(mxnet_pairs(window, size, levels, before, after), size);
}

// The best of [first, last] by `measure`, which the threads share out.
template <class Measure>
std::size_t best(std::size_t first, std::size_t last, bool last_of_equals,
                 std::size_t otherwise, Measure measure) {
  if (last < first) return otherwise;
  std::vector<double> measured(last - first + 1);
  constexpr std::size_t kBlock = 64;
  const std::size_t blocks = (measured.size() + kBlock - 1) / kBlock;
  parallel_blocks(int(blocks), [&](int block) {
    const std::size_t begin = std::size_t(block) * kBlock;
    const std::size_t end = std::min(measured.size(), begin + kBlock);
    for (std::size_t i = begin; i < end; ++i) measured[i] = measure(first + i);
  });
  double least = kInfiniteDivergence;
  std::size_t found = otherwise;
  for (std::size_t i = 0; i < measured.size(); ++i) {
    const bool equals = measured[i] == least && least != kInfiniteDivergence;
    if (measured[i] < least || (last_of_equals && equals)) {
      least = measured[i];
      found = first + i;
    }
  }
  return found;
}

}  // namespace

double tensorrt_divergence(Bins bins, std::size_t kept, std::size_t levels) {
  return tensorrt(Sums(bins), kept, levels);
}

double mxnet_divergence(Bins bins, std::size_t half, std::size_t levels) {
  return mxnet(filled_bins(bins), bins.size(), half, levels);
}

double neural_compressor_divergence(Bins bins, std::size_t kept, std::size_t levels) {
  return neural_compressor(Sums(bins), kept, levels);
}

std::size_t tensorrt_clip(Bins bins, std::size_t levels, std::size_t first,
                          std::size_t last, bool last_of_equals) {
  const Sums sums(bins);
  return best(first, last, last_of_equals, bins.size(),
              [&](std::size_t kept) { return tensorrt(sums, kept, levels); });
}

std::size_t mxnet_clip(Bins bins, std::size_t levels) {
  const auto filled = filled_bins(bins);
  const std::size_t most = bins.size() / 2;
  return best(levels / 2, most, false, most,
              [&](std::size_t half) { return mxnet(filled, bins.size(), half, levels); });
}

std::size_t neural_compressor_clip(Bins bins, std::size_t levels, double share) {
  const Sums sums(bins);
  const std::size_t last = bins.size() - 1;
  const auto first = std::max(std::size_t(1), std::size_t(share * double(last)));
  return best(first, last, false, bins.size(), [&](std::size_t kept) {
    return bins[kept - 1] == 0 ? kInfiniteDivergence
                               : neural_compressor(sums, kept, levels);
  });
}

}  // namespace bitsweep
