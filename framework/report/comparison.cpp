#include "framework/report/comparison.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "framework/eval/metrics.h"

namespace bitsweep {
namespace {

// An interval wider than this either way, and than the figure it is held against, cannot
// tell that figure from no drop at all.
constexpr double kConclusivePoints = 1;

std::vector<double> values_of(const char* metric, const std::vector<RunPair>& pairs) {
  std::vector<double> values;
  for (const auto& [run, baseline] : pairs) {
    if (const auto value = metric_named(metric).value(*run, baseline)) {
      values.push_back(*value);
    }
  }
  return values;
}

bool has_predictions(const RunRecord& record) {
  return !record.labels.empty() && record.predictions.size() == record.labels.size();
}

bool same_images(const RunPair& pair) {
  return pair.baseline && has_predictions(*pair.run) && has_predictions(*pair.baseline) &&
         pair.run->labels == pair.baseline->labels;
}

struct Pooled {
  Discordance discordance;  // first: the float network
  std::size_t seeds = 0;
};

// Over the seeds that have a float run. Nothing where one of them saw other images.
std::optional<Pooled> pooled_predictions(const std::vector<RunPair>& pairs) {
  Pooled pooled;
  for (const auto& pair : pairs) {
    if (!pair.baseline) continue;
    if (!same_images(pair)) return {};
    pooled.discordance +=
        discordance(pair.baseline->predictions, pair.run->predictions, pair.run->labels);
    ++pooled.seeds;
  }
  return pooled.seeds == 0 ? std::optional<Pooled>{} : pooled;
}

Interval in_percent(const Interval& share) { return {100 * share.low, 100 * share.high}; }

std::string seeds_text(std::size_t seeds) {
  return fmt::format("{} seed{}", seeds, seeds == 1 ? "" : "s");
}

}  // namespace

const TestOutcome* Comparison::strongest() const {
  const auto found = std::min_element(
      tests.begin(), tests.end(),
      [](const auto& a, const auto& b) { return a.adjusted < b.adjusted; });
  return found == tests.end() ? nullptr : &*found;
}

bool Comparison::significant() const {
  const TestOutcome* test = strongest();
  return test && test->adjusted <= kSignificanceLevel;
}

Comparison compare_with_float(const std::vector<RunPair>& pairs) {
  const auto drops = values_of("accuracy_drop", pairs);
  const auto pooled = pooled_predictions(pairs);
  Comparison result{.drop = summarize(drops), .interval = {}, .tests = {}};
  if (const auto interval = t_interval(drops)) {
    result.interval = {*interval, kOverSeeds};
  } else if (pooled) {
    result.interval = {in_percent(paired_interval(pooled->discordance, pooled->seeds)),
                       kOverImages};
  }
  if (const auto p = paired_t_test(drops)) {
    result.tests.push_back({"paired t test, " + seeds_text(drops.size()), *p, *p});
  }
  if (pooled) {
    const double p = mcnemar_mid_p(pooled->discordance);
    result.tests.push_back({"McNemar mid-p, " + seeds_text(pooled->seeds), p, p});
  }
  return result;
}

void correct_for_many(const std::vector<Comparison*>& comparisons) {
  std::vector<TestOutcome*> tests;
  std::vector<double> p_values;
  for (Comparison* comparison : comparisons) {
    for (auto& test : comparison->tests) {
      tests.push_back(&test);
      p_values.push_back(test.p);
    }
  }
  const auto adjusted = holm(p_values);
  for (std::size_t i = 0; i < tests.size(); ++i) tests[i]->adjusted = adjusted[i];
}

std::optional<NamedInterval> accuracy_interval(const std::vector<RunPair>& pairs) {
  if (const auto interval = t_interval(values_of("accuracy", pairs))) {
    return NamedInterval{*interval, kOverSeeds};
  }
  // One seed, or several of the same accuracy.
  if (pairs.empty() || !has_predictions(*pairs.front().run)) return {};
  const RunRecord& record = *pairs.front().run;
  std::int64_t right = 0;
  for (std::size_t i = 0; i < record.labels.size(); ++i) {
    right += record.predictions[i] == record.labels[i];
  }
  return NamedInterval{
      in_percent(wilson_interval(right, std::int64_t(record.labels.size()))), kWilson};
}

double rounding_of(double figure) {
  const auto text = fmt::format("{}", figure);
  const auto point = text.find('.');
  const auto decimals = point == text.npos ? 0 : text.size() - point - 1;
  return 0.5 * std::pow(10.0, -double(decimals));
}

std::string verdict_on(const PublishedSpec& published, const Comparison& comparison,
                       const Summary& accuracy,
                       const std::optional<NamedInterval>& accuracy_interval) {
  // How far ours is worse than the figure, in percentage points of either kind.
  std::optional<Interval> worse;
  double rounding = 0;
  double figure = 0;
  const bool has_drop = comparison.drop.count > 0 && comparison.interval.has_value();
  const auto against_drop = [&](double drop) {
    const Interval& ours = comparison.interval->interval;
    worse = Interval{ours.low - drop, ours.high - drop};
    figure = std::abs(drop);
  };
  if (published.accuracy && published.baseline && has_drop) {
    against_drop(*published.baseline - *published.accuracy);
    rounding = rounding_of(*published.baseline) + rounding_of(*published.accuracy);
  } else if (published.loss && has_drop) {
    against_drop(*published.loss);
    rounding = rounding_of(*published.loss);
  } else if (published.accuracy && accuracy.count > 0 && accuracy_interval) {
    worse = Interval{*published.accuracy - accuracy_interval->interval.high,
                     *published.accuracy - accuracy_interval->interval.low};
    rounding = rounding_of(*published.accuracy);
  }
  if (!worse) return "";
  if (published.recipe != "same") return "recipe differs";
  // The subtraction of decimal figures is off by some 1e-14.
  const double tolerance = rounding + 1e-9;
  if (worse->low > tolerance) return "missed";
  if (worse->high < -tolerance) return "better";
  const double half_width = (worse->high - worse->low) / 2;
  return half_width > std::max(kConclusivePoints, figure) ? "inconclusive" : "reproduced";
}

std::string significance_rule() {
  return fmt::format(
      "no significant difference from float: neither the paired t test over seeds (two "
      "or "
      "more, whose differences are not all equal) nor McNemar's mid-p test on the "
      "predictions pooled over seeds, both paired with the float run of the same seed, "
      "has p <= {} after Holm's correction over all tests of this table. The t test "
      "speaks of training again with other seeds, McNemar's of these networks on other "
      "images; p: the smaller of the two, corrected.",
      kSignificanceLevel);
}

std::string interval_rule() {
  return "accuracy drop: percentage points (pp) of accuracy below the float run of the "
         "same seed, negative where better; mean ± std of these differences over seeds, "
         "and in brackets the 95 % confidence interval of the mean: Student's t over "
         "seeds; for one seed, and where all seeds give the same drop, Bonett and "
         "Price's "
         "adjusted Wald interval for paired predictions on the test images.";
}

std::string verdict_rule() {
  return fmt::format(
      "verdict: the published figure, as a drop against its own float network where it "
      "has one, held against our 95 % interval. reproduced: the interval holds the "
      "figure, taken with half a unit of its last digit either way; better, missed: the "
      "interval lies wholly on the better or worse side; inconclusive: it holds the "
      "figure, but reaches further than the figure itself and than {} pp either way. "
      "recipe differs: network, data or training are not those of the figure, and "
      "nothing is claimed.",
      kConclusivePoints);
}

}  // namespace bitsweep
