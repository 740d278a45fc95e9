#include "framework/report/statistics.h"

#include <cmath>
#include <limits>
#include <vector>

#include <catch2/catch.hpp>

using namespace bitsweep;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

namespace {

using Values = std::vector<double>;

// The definition, term by term: sum of C(n, i) / 2^n for i <= k.
double binomial_by_terms(int k, int n) {
  double sum = 0;
  double term = std::pow(0.5, n);
  for (int i = 0; i <= k; ++i) {
    sum += term;
    term *= double(n - i) / (i + 1);
  }
  return sum;
}

}  // namespace

TEST_CASE("mean and deviation are those of the sample") {
  // Differences from the mean 5: -3 -1 -1 -1 0 0 2 4; squares sum to 32, over 7.
  const auto summary = summarize(Values{2, 4, 4, 4, 5, 5, 7, 9});
  CHECK(summary.count == 8);
  CHECK(summary.mean == 5);
  CHECK_THAT(summary.deviation, WithinRel(std::sqrt(32.0 / 7), 1e-14));
}

TEST_CASE("one value has a mean and no deviation") {
  const auto summary = summarize(Values{3.5});
  CHECK(summary.mean == 3.5);
  CHECK(summary.deviation == 0);
  CHECK(summarize(Values{}).count == 0);
}

TEST_CASE("equal values have no deviation, not even a rounding error's") {
  const auto summary =
      summarize(Values{7.432918032786884, 7.432918032786884, 7.432918032786884});
  CHECK(summary.mean == 7.432918032786884);
  CHECK(summary.deviation == 0);
}

TEST_CASE("a deviation survives a large mean") {
  CHECK(summarize(Values{1e9 + 1, 1e9 + 2, 1e9 + 3}).deviation == 1);
}

TEST_CASE("the incomplete beta function has scipy's values") {
  // scipy.special.betainc(a, b, x)
  const auto [a, b, x, expected] = GENERATE(
      table<double, double, double, double>({{0.5, 0.5, 0.25, 0.33333333333333337},
                                             {2, 3, 0.4, 0.5247999999999999},
                                             {10, 0.5, 0.9, 0.15164090963470997},
                                             {0.5, 20, 0.01, 0.4713699354850156},
                                             {5000, 5100, 0.5, 0.8401528708167105},
                                             {150, 0.5, 0.999, 0.5841017285690577},
                                             {1, 1, 0.3, 0.3},
                                             {0.001, 2, 0.5, 0.9998067465369479},
                                             {3, 700, 0.002, 0.16732514616944302}}));
  CAPTURE(a, b, x);
  CHECK_THAT(incomplete_beta(a, b, x), WithinRel(expected, 1e-10));
  CHECK_THAT(incomplete_beta(b, a, 1 - x), WithinAbs(1 - expected, 1e-10));
}

TEST_CASE("the incomplete beta function goes from 0 to 1") {
  CHECK(incomplete_beta(2, 3, 0) == 0);
  CHECK(incomplete_beta(2, 3, 1) == 1);
}

TEST_CASE("throws of a coin follow the binomial, added term by term") {
  for (const int n : {1, 2, 7, 40, 300}) {
    for (int k = 0; k < n; k += 1 + n / 7) {
      CAPTURE(n, k);
      CHECK_THAT(fair_binomial_at_most(k, n), WithinRel(binomial_by_terms(k, n), 1e-10));
    }
    CHECK(fair_binomial_at_most(n, n) == 1);
    CHECK(fair_binomial_at_most(-1, n) == 0);
  }
}

TEST_CASE("Student's t has its closed forms for one and two degrees of freedom") {
  const double pi = std::acos(-1.0);
  for (const double t : {0.1, 1.0, 3.0, 12.706204736, 500.0}) {
    CAPTURE(t);
    CHECK_THAT(student_two_sided(t, 1), WithinRel(1 - 2 * std::atan(t) / pi, 1e-9));
    CHECK_THAT(student_two_sided(-t, 2),
               WithinRel(2 / (2 + t * t) / (1 + t / std::sqrt(2 + t * t)), 1e-9));
  }
}

TEST_CASE("Student's t has scipy's values") {
  // 2 * scipy.stats.t.sf(t, degrees)
  const auto [t, degrees, expected] =
      GENERATE(table<double, double, double>({{2.776445105, 4, 0.05000000001011946},
                                              {0.3, 7, 0.7728900504021343},
                                              {8.5, 9, 1.3594073222356544e-05},
                                              {1.96, 1e6, 0.04999606758526978}}));
  CAPTURE(t, degrees);
  CHECK_THAT(student_two_sided(t, degrees), WithinRel(expected, 1e-8));
}

TEST_CASE("the paired t test has scipy's values") {
  // scipy.stats.ttest_1samp(differences, 0).pvalue
  CHECK_THAT(paired_t_test(Values{0.31, 0.12, 0.45, -0.05, 0.22}),
             WithinRel(0.06820777008518063, 1e-9));
  // scipy.stats.ttest_rel([91.2, 90.8, 91.5, 90.9], [90.1, 90.7, 90.2, 90.5]).pvalue
  CHECK_THAT(paired_t_test(Values{1.1, 0.1, 1.3, 0.4}),
             WithinRel(0.08370098029643065, 1e-9));
}

TEST_CASE("differences without spread are nothing or beyond doubt") {
  CHECK(paired_t_test(Values{0, 0, 0}) == 1);
  CHECK(paired_t_test(Values{0.5, 0.5}) == 0);
}

TEST_CASE("only images that one network alone gets right are discordant") {
  const std::vector<std::int32_t> labels{0, 1, 2, 3, 4};
  const std::vector<std::int32_t> first{0, 1, 2, 0, 9};
  const std::vector<std::int32_t> second{0, 0, 0, 3, 8};
  const auto result = discordance(first, second, labels);
  CHECK(result.first_only == 2);
  CHECK(result.second_only == 1);
}

TEST_CASE("McNemar's tests have scipy's values") {
  // binomtest(first, first + second).pvalue, and that less binom.pmf(min, sum, 0.5)
  struct Case {
    Discordance seen;
    double exact, mid_p;
  };
  for (const auto& [seen, exact, mid_p] :
       {Case{{10, 25}, 0.016673847800120715, 0.011330984183587134},
        Case{{0, 6}, 0.03125, 0.015625}, Case{{3, 3}, 1, 1}, Case{{0, 1}, 1, 0.5},
        Case{{121, 59}, 4.4344492637551645e-06, 3.2666467957745733e-06},
        Case{{1000, 1100}, 0.030720707864242486, 0.02911063368590923},
        Case{{9, 1}, 0.021484375, 0.011718749999999998}}) {
    CAPTURE(seen.first_only, seen.second_only);
    CHECK_THAT(mcnemar_exact(seen), WithinRel(exact, 1e-9));
    CHECK_THAT(mcnemar_mid_p(seen), WithinRel(mid_p, 1e-9));
  }
}

TEST_CASE("networks that never differ cannot be told apart") {
  CHECK(mcnemar_exact({0, 0}) == 1);
  CHECK(mcnemar_mid_p({0, 0}) == 1);
  CHECK_FALSE(Verdict{1, ""}.told_apart());
  CHECK(Verdict{0.05, ""}.told_apart());
  CHECK_FALSE(Verdict{std::numeric_limits<double>::quiet_NaN(), ""}.told_apart());
}
