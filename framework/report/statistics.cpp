#include "framework/report/statistics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <boost/math/distributions/binomial.hpp>
#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/students_t.hpp>

#include "framework/core/error.h"

namespace bitsweep {
namespace {

namespace math = boost::math;

double normal_quantile() {
  return math::quantile(math::normal_distribution<double>(), 1 - kSignificanceLevel / 2);
}

// The mean's standard error, where the values have a spread at all.
std::optional<double> standard_error(const Summary& summary) {
  if (summary.count < 2 || !(summary.std > 0)) return {};
  return summary.std / std::sqrt(double(summary.count));
}

math::students_t_distribution<double> student(const Summary& summary) {
  return math::students_t_distribution<double>(double(summary.count - 1));
}

}  // namespace

// Counted from the first value, so that equal values have no spread at all.
Summary summarize(std::span<const double> values) {
  Summary summary{.count = values.size()};
  if (values.empty()) return summary;
  double offset = 0;
  for (const double value : values) offset += value - values[0];
  summary.mean = values[0] + offset / double(values.size());
  if (values.size() < 2) return summary;
  double squares = 0;
  for (const double value : values) squares += std::pow(value - summary.mean, 2);
  summary.std = std::sqrt(squares / double(values.size() - 1));
  // Values of millions of images differ by 1e-8 at least: less is a rounding error.
  if (summary.std < 1e-12 * std::abs(summary.mean)) summary.std = 0;
  return summary;
}

std::optional<Interval> t_interval(std::span<const double> values) {
  const auto summary = summarize(values);
  const auto error = standard_error(summary);
  if (!error) return {};
  const double half =
      *error * math::quantile(student(summary), 1 - kSignificanceLevel / 2);
  return Interval{summary.mean - half, summary.mean + half};
}

std::optional<double> paired_t_test(std::span<const double> differences) {
  const auto summary = summarize(differences);
  const auto error = standard_error(summary);
  if (!error) return {};
  const double t = std::abs(summary.mean) / *error;
  return 2 * math::cdf(math::complement(student(summary), t));
}

Discordance& Discordance::operator+=(const Discordance& other) {
  first_only += other.first_only;
  second_only += other.second_only;
  images += other.images;
  return *this;
}

Discordance discordance(std::span<const std::int32_t> first,
                        std::span<const std::int32_t> second,
                        std::span<const std::int32_t> labels) {
  ensure(first.size() == labels.size() && second.size() == labels.size(),
         "predictions are compared on the same images");
  Discordance result{.images = std::int64_t(labels.size())};
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const bool first_right = first[i] == labels[i];
    const bool second_right = second[i] == labels[i];
    result.first_only += first_right && !second_right;
    result.second_only += second_right && !first_right;
  }
  return result;
}

double mcnemar_mid_p(const Discordance& discordance) {
  const auto n = discordance.first_only + discordance.second_only;
  const auto k = std::min(discordance.first_only, discordance.second_only);
  if (n == 0) return 1;
  const math::binomial_distribution<double> coin(double(n), 0.5);
  const double p = 2 * math::cdf(coin, double(k)) - math::pdf(coin, double(k));
  return std::min(1.0, p);
}

Interval paired_interval(const Discordance& discordance, std::size_t seeds) {
  ensure(discordance.images > 0 && seeds > 0, "an interval takes images");
  const double pairs = double(seeds);
  const double images = double(discordance.images) / pairs + 2;
  const double first = (double(discordance.first_only) / pairs + 1) / images;
  const double second = (double(discordance.second_only) / pairs + 1) / images;
  const double difference = first - second;
  const double half =
      normal_quantile() * std::sqrt((first + second - difference * difference) / images);
  return {std::max(-1.0, difference - half), std::min(1.0, difference + half)};
}

Interval wilson_interval(std::int64_t count, std::int64_t total) {
  ensure(total > 0 && count >= 0 && count <= total, "a share is of something");
  const double n = double(total);
  const double share = double(count) / n;
  const double z2 = std::pow(normal_quantile(), 2);
  const double middle = (share + z2 / (2 * n)) / (1 + z2 / n);
  const double half =
      std::sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n * n))) / (1 + z2 / n);
  return {std::max(0.0, middle - half), std::min(1.0, middle + half)};
}

std::vector<double> holm(std::span<const double> p_values) {
  std::vector<std::size_t> order(p_values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](auto a, auto b) { return p_values[a] < p_values[b]; });
  std::vector<double> adjusted(p_values.size());
  double least = 0;
  for (std::size_t rank = 0; rank < order.size(); ++rank) {
    const double p = p_values[order[rank]] * double(order.size() - rank);
    least = std::max(least, std::min(1.0, p));
    adjusted[order[rank]] = least;
  }
  return adjusted;
}

}  // namespace bitsweep
