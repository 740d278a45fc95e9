#include "framework/report/statistics.h"

#include <cmath>
#include <vector>

#include <catch2/catch.hpp>

using namespace bitsweep;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

namespace {

using Values = std::vector<double>;

}  // namespace

TEST_CASE("mean and std are those of the sample") {
  // Differences from the mean 5: -3 -1 -1 -1 0 0 2 4; squares sum to 32, over 7.
  const auto summary = summarize(Values{2, 4, 4, 4, 5, 5, 7, 9});
  CHECK(summary.count == 8);
  CHECK(summary.mean == 5);
  CHECK_THAT(summary.std, WithinRel(std::sqrt(32.0 / 7), 1e-14));
}

TEST_CASE("one value has a mean and no std") {
  const auto summary = summarize(Values{3.5});
  CHECK(summary.mean == 3.5);
  CHECK(summary.std == 0);
  CHECK(summarize(Values{}).count == 0);
}

TEST_CASE("equal values have no std, not even a rounding error's") {
  const auto summary =
      summarize(Values{7.432918032786884, 7.432918032786884, 7.432918032786884});
  CHECK(summary.mean == 7.432918032786884);
  CHECK(summary.std == 0);
}

TEST_CASE("the std survives a large mean") {
  CHECK(summarize(Values{1e9 + 1, 1e9 + 2, 1e9 + 3}).std == 1);
}

TEST_CASE("the paired t test has scipy's values") {
  // scipy.stats.ttest_1samp(differences, 0).pvalue
  CHECK_THAT(*paired_t_test(Values{0.31, 0.12, 0.45, -0.05, 0.22}),
             WithinRel(0.06820777008518063, 1e-9));
  // scipy.stats.ttest_rel([91.2, 90.8, 91.5, 90.9], [90.1, 90.7, 90.2, 90.5]).pvalue
  CHECK_THAT(*paired_t_test(Values{1.1, 0.1, 1.3, 0.4}),
             WithinRel(0.08370098029643065, 1e-9));
}

TEST_CASE("Student's t has its closed forms for one and two degrees of freedom") {
  // Differences m + s, m - s: mean m, std s sqrt 2, so t = m / s; p = 1 - 2 atan(t) / pi.
  CHECK_THAT(*paired_t_test(Values{3 + 1, 3 - 1}),
             WithinRel(1 - 2 * std::atan(3.0) / std::acos(-1.0), 1e-12));
  // 2.25 2 1.75: t = 2 / (0.25 / sqrt 3) = 13.856, t^2 = 192; p = 1 - t / sqrt(2 + t^2).
  CHECK_THAT(*paired_t_test(Values{2.25, 2, 1.75}),
             WithinRel(1 - std::sqrt(192.0 / 194), 1e-10));
}

TEST_CASE("differences that are all equal have no t test and no t interval") {
  for (const Values& values :
       {Values{0, 0, 0}, Values{0.5, 0.5}, Values{0.1}, Values{}}) {
    CHECK_FALSE(paired_t_test(values));
    CHECK_FALSE(t_interval(values));
  }
  // 0.3 and 0.1 + 0.2 differ by a rounding error alone.
  CHECK_FALSE(paired_t_test(Values{0.3, 0.1 + 0.2}));
}

TEST_CASE("the t interval has scipy's values") {
  // x: the differences; scipy.stats.t.interval(0.95, 4, x.mean(), scipy.stats.sem(x))
  const auto interval = *t_interval(Values{0.31, 0.12, 0.45, -0.05, 0.22});
  CHECK_THAT(interval.low, WithinRel(-0.02509785625778843, 1e-9));
  CHECK_THAT(interval.high, WithinRel(0.44509785625778847, 1e-9));
  CHECK(interval.holds(0));
  CHECK_FALSE(interval.holds(0.5));
}

TEST_CASE("only images that one network alone gets right are discordant") {
  const std::vector<std::int32_t> labels{0, 1, 2, 3, 4};
  const std::vector<std::int32_t> first{0, 1, 2, 0, 9};
  const std::vector<std::int32_t> second{0, 0, 0, 3, 8};
  const auto result = discordance(first, second, labels);
  CHECK(result.first_only == 2);
  CHECK(result.second_only == 1);
  CHECK(result.images == 5);
}

TEST_CASE("McNemar's test has scipy's values") {
  // binomtest(first, first + second).pvalue less binom.pmf(min, sum, 0.5)
  struct Case {
    std::int64_t first_only, second_only;
    double mid_p;
  };
  for (const auto& [first, second, mid_p] :
       {Case{10, 25, 0.011330984183587134}, Case{0, 6, 0.015625}, Case{3, 3, 1},
        Case{0, 1, 0.5}, Case{121, 59, 3.2666467957745733e-06},
        Case{1000, 1100, 0.02911063368590923}, Case{9, 1, 0.011718749999999998}}) {
    CAPTURE(first, second);
    CHECK_THAT(mcnemar_mid_p({first, second, 10000}), WithinRel(mid_p, 1e-9));
  }
}

TEST_CASE("networks that are always right together do not differ") {
  CHECK(mcnemar_mid_p({0, 0, 100}) == 1);
}

TEST_CASE("a sure difference of many images has the smallest p, not a NaN") {
  CHECK(mcnemar_mid_p({500000, 1000, 1000000}) == 0);
}

TEST_CASE("the paired interval follows Bonett and Price's formula") {
  // 7 and 1 of 21, smoothed: 8 / 23 and 2 / 23, d = 6 / 23;
  // half = 1.959964 sqrt((10 / 23 - 36 / 529) / 23) = 1.959964 sqrt(194 / 12167) =
  // 0.247489.
  const auto interval = paired_interval({7, 1, 21});
  CHECK_THAT(interval.low, WithinAbs(6.0 / 23 - 0.247489, 1e-6));
  CHECK_THAT(interval.high, WithinAbs(6.0 / 23 + 0.247489, 1e-6));
  // The formula by scipy.stats.norm.ppf(0.975).
  const auto mirrored = paired_interval({1, 7, 21});
  CHECK_THAT(mirrored.low, WithinRel(-0.5083593066664394, 1e-9));
  CHECK_THAT(paired_interval({59, 121, 1600}).high,
             WithinRel(-0.02230556862292917, 1e-9));
  CHECK_THAT(paired_interval({0, 0, 50}).high, WithinRel(0.053303993244218376, 1e-9));
}

TEST_CASE("seeds on the same images do not narrow the paired interval") {
  const auto one = paired_interval({7, 1, 21});
  const auto three = paired_interval({21, 3, 63}, 3);
  CHECK(three.low == one.low);
  CHECK(three.high == one.high);
}

TEST_CASE("Wilson's interval has scipy's values") {
  // scipy.stats.binomtest(k, n).proportion_ci(method="wilson")
  const auto interval = wilson_interval(356, 400);
  CHECK_THAT(interval.low, WithinRel(0.8555490895383555, 1e-9));
  CHECK_THAT(interval.high, WithinRel(0.9170313208808931, 1e-9));
  CHECK(wilson_interval(0, 10).low == 0);
  CHECK_THAT(wilson_interval(0, 10).high, WithinRel(0.27753279986288926, 1e-9));
}

TEST_CASE("Holm's correction multiplies by the tests that are left, and never falls") {
  // In order: 0.005 x 4, 0.01 x 3, 0.03 x 2, then 0.04 x 1, which may not fall below
  // 0.06.
  const auto adjusted = holm(Values{0.01, 0.04, 0.03, 0.005});
  CHECK_THAT(adjusted[0], WithinRel(0.03, 1e-12));
  CHECK_THAT(adjusted[1], WithinRel(0.06, 1e-12));
  CHECK_THAT(adjusted[2], WithinRel(0.06, 1e-12));
  CHECK_THAT(adjusted[3], WithinRel(0.02, 1e-12));
  CHECK(holm(Values{0.6, 0.7}) == Values{1, 1});
  CHECK(holm(Values{}).empty());
}
