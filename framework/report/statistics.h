// Statistics over seeds, and over the predictions of two networks for the same images.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace bitsweep {

/// Of all intervals and tests: 95 % confidence, and so a significance level of 5 %.
inline constexpr double kSignificanceLevel = 0.05;

struct Summary {
  std::size_t count = 0;
  double mean = 0;
  double std = 0;  // of the sample, n - 1; 0 for fewer than two values
};
Summary summarize(std::span<const double> values);

/// With 95 % confidence, in the unit of its values.
struct Interval {
  double low = 0;
  double high = 0;
  bool holds(double value) const { return low <= value && value <= high; }
};

/// Of the mean, by Student's t. Nothing for fewer than two values, and none where all
/// are equal: a spread of 0 is not known, only too small to show.
std::optional<Interval> t_interval(std::span<const double> values);

/// The two-sided p of a mean difference of 0. Nothing where there is no `t_interval`.
std::optional<double> paired_t_test(std::span<const double> differences);

/// Images that only one of two networks gets right, of all that both have seen.
struct Discordance {
  std::int64_t first_only = 0;
  std::int64_t second_only = 0;
  std::int64_t images = 0;

  Discordance& operator+=(const Discordance& other);
};
Discordance discordance(std::span<const std::int32_t> first,
                        std::span<const std::int32_t> second,
                        std::span<const std::int32_t> labels);

/// McNemar's test: the two-sided p of both kinds of discordance being equally likely, by
/// the binomial with half the probability of what was seen (mid-p). Not as timid as the
/// exact test, and seldom above its level (Fagerland, Lydersen, Laake, 2013).
double mcnemar_mid_p(const Discordance& discordance);

/// Of the share of images that the first network gets right above the second's: Wald's
/// interval with one image added to each cell of the 2 x 2 table's off-diagonal and two
/// to the total (Bonett and Price, 2012). `seeds` pairs of networks were pooled on the
/// same images, which stay the sample: the interval is that of one pair with the mean
/// counts.
Interval paired_interval(const Discordance& discordance, std::size_t seeds = 1);

/// Of a share, by Wilson's score interval; `total` is positive.
Interval wilson_interval(std::int64_t count, std::int64_t total);

/// Holm's correction (1979): for each p the smallest level at which it is significant
/// among all of them.
std::vector<double> holm(std::span<const double> p_values);

}  // namespace bitsweep
