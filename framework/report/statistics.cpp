#include "framework/report/statistics.h"

#include <algorithm>
#include <cmath>

#include "framework/core/error.h"

namespace bitsweep {
namespace {

// The continued fraction of the incomplete beta function (Abramowitz and Stegun 26.5.8),
// by Lentz's method. It converges quickly for x < (a + 1) / (a + b + 2).
double beta_fraction(double a, double b, double x) {
  constexpr double kTiny = 1e-300;
  constexpr int kMostTerms = 100000;  // about sqrt(max(a, b)) are needed
  const auto away_from_zero = [](double v) { return std::abs(v) < kTiny ? kTiny : v; };

  double c = 1;
  double d = 1 / away_from_zero(1 - (a + b) * x / (a + 1));
  double fraction = d;
  const auto multiply = [&](double term) {
    d = 1 / away_from_zero(1 + term * d);
    c = away_from_zero(1 + term / c);
    fraction *= c * d;
    return std::abs(c * d - 1);
  };
  for (int m = 1; m < kMostTerms; ++m) {
    multiply(m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)));
    const double change =
        multiply(-(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)));
    if (change < 1e-15) break;
  }
  return fraction;
}

}  // namespace

// Counted from the first value, so that equal values have no deviation at all.
Summary summarize(std::span<const double> values) {
  Summary summary{.count = values.size()};
  if (values.empty()) return summary;
  double offset = 0;
  for (const double value : values) offset += value - values[0];
  summary.mean = values[0] + offset / double(values.size());
  if (values.size() < 2) return summary;
  double squares = 0;
  for (const double value : values) squares += std::pow(value - summary.mean, 2);
  summary.deviation = std::sqrt(squares / double(values.size() - 1));
  return summary;
}

double incomplete_beta(double a, double b, double x) {
  ensure(a > 0 && b > 0 && x >= 0 && x <= 1, "the beta distribution's parameters");
  if (x == 0 || x == 1) return x;
  if (x > (a + 1) / (a + b + 2)) return 1 - incomplete_beta(b, a, 1 - x);
  const double log_front = std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) +
                           a * std::log(x) + b * std::log1p(-x);
  return std::exp(log_front) * beta_fraction(a, b, x) / a;
}

double fair_binomial_at_most(std::int64_t k, std::int64_t n) {
  if (k < 0) return 0;
  if (k >= n) return 1;
  return incomplete_beta(double(n - k), double(k + 1), 0.5);
}

double student_two_sided(double t, double degrees_of_freedom) {
  if (std::isnan(t)) return t;
  if (std::isinf(t)) return 0;
  return incomplete_beta(degrees_of_freedom / 2, 0.5,
                         degrees_of_freedom / (degrees_of_freedom + t * t));
}

double paired_t_test(std::span<const double> differences) {
  ensure(differences.size() >= 2, "a spread takes two differences");
  const auto summary = summarize(differences);
  if (summary.deviation == 0) return summary.mean == 0 ? 1 : 0;
  const double t = summary.mean / (summary.deviation / std::sqrt(double(summary.count)));
  return student_two_sided(t, double(summary.count - 1));
}

Discordance discordance(std::span<const std::int32_t> first,
                        std::span<const std::int32_t> second,
                        std::span<const std::int32_t> labels) {
  ensure(first.size() == labels.size() && second.size() == labels.size(),
         "predictions are compared on the same images");
  Discordance result;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const bool first_right = first[i] == labels[i];
    const bool second_right = second[i] == labels[i];
    result.first_only += first_right && !second_right;
    result.second_only += second_right && !first_right;
  }
  return result;
}

double mcnemar_exact(Discordance discordance) {
  const auto n = discordance.first_only + discordance.second_only;
  const auto k = std::min(discordance.first_only, discordance.second_only);
  return std::min(1.0, 2 * fair_binomial_at_most(k, n));
}

double mcnemar_mid_p(Discordance discordance) {
  const auto n = discordance.first_only + discordance.second_only;
  const auto k = std::min(discordance.first_only, discordance.second_only);
  return std::min(1.0, fair_binomial_at_most(k, n) + fair_binomial_at_most(k - 1, n));
}

}  // namespace bitsweep
