// Statistics over seeds, and tests of whether two networks can be told apart.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace bitsweep {

struct Summary {
  std::size_t count = 0;
  double mean = 0;
  double deviation = 0;  // of the sample, n - 1; 0 for fewer than two values
};
Summary summarize(std::span<const double> values);

/// I_x(a, b), the share of the beta distribution below x; a, b > 0 and 0 <= x <= 1.
double incomplete_beta(double a, double b, double x);

/// The probability of at most k heads among n throws of a fair coin.
double fair_binomial_at_most(std::int64_t k, std::int64_t n);

/// The probability of a t at least this far from 0, either way.
double student_two_sided(double t, double degrees_of_freedom);

/// The two-sided p of a mean difference of 0; needs two differences. Differences that are
/// all equal give 1 when they are 0, and 0 when they are not.
double paired_t_test(std::span<const double> differences);

/// The test images that only one of two networks gets right.
struct Discordance {
  std::int64_t first_only = 0;
  std::int64_t second_only = 0;
};
Discordance discordance(std::span<const std::int32_t> first,
                        std::span<const std::int32_t> second,
                        std::span<const std::int32_t> labels);

/// McNemar's test: the two-sided p of both kinds of discordance being equally likely.
double mcnemar_exact(Discordance discordance);
/// The same with half the probability of what was seen: not as timid as the exact test,
/// and seldom above its level (Fagerland, Lydersen, Laake, 2013).
double mcnemar_mid_p(Discordance discordance);

/// The outcome of a test.
struct Verdict {
  double p = 1;
  std::string test;  // "paired t over 5 seeds"
  bool told_apart() const { return p <= 0.05; }
};

}  // namespace bitsweep
