#include "framework/report/comparison.h"

#include <catch2/catch.hpp>

using namespace bitsweep;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

namespace {

/// Records of runs of a row and of their float networks.
class Runs {
 public:
  // Of 1000 images the first `baseline` and `quantized` are recognised.
  Runs& seed(int baseline, int quantized) {
    records_.push_back(record(baseline));
    records_.push_back(record(quantized));
    return *this;
  }
  Comparison compared() const { return compare_with_float(pairs()); }
  std::vector<RunPair> pairs() const {
    std::vector<RunPair> pairs;
    for (std::size_t i = 0; i < records_.size(); i += 2) {
      pairs.push_back({&records_[i + 1], &records_[i]});
    }
    return pairs;
  }
  std::vector<RunRecord>& records() { return records_; }

 private:
  static RunRecord record(int right) {
    constexpr int kImages = 1000;
    RunRecord record;
    for (int i = 0; i < kImages; ++i) {
      record.labels.push_back(i % 10);
      record.predictions.push_back(i < right ? i % 10 : (i + 1) % 10);
    }
    record.metrics["test_accuracy"] = double(right) / kImages;
    return record;
  }
  std::vector<RunRecord> records_;
};

bool significant(const Runs& runs) { return runs.compared().significant(); }

PublishedSpec published_drop(double drop) {
  PublishedSpec published;
  published.loss = drop;
  published.recipe = "same";
  return published;
}

std::string verdict(const Runs& runs, const PublishedSpec& published) {
  const auto comparison = runs.compared();
  std::vector<double> accuracies;
  for (const auto& pair : runs.pairs()) {
    accuracies.push_back(100 * pair.run->metrics.at("test_accuracy"));
  }
  return verdict_on(published, comparison, summarize(accuracies),
                    accuracy_interval(runs.pairs()));
}

}  // namespace

TEST_CASE("large drops that vary between three seeds are significant") {
  // scipy.stats.ttest_1samp(drops, 0).pvalue: 0.062, 0.072, 0.317, 0.354.
  const Runs lost_55 = Runs().seed(900, 100).seed(900, 350).seed(900, 600);
  const Runs lost_53 = Runs().seed(900, 110).seed(900, 370).seed(900, 630);
  const Runs lost_24 = Runs().seed(900, 300).seed(900, 880).seed(900, 800);
  const Runs lost_15 = Runs().seed(900, 890).seed(900, 500).seed(900, 860);
  std::vector<Comparison> rows;
  for (const Runs* runs : {&lost_55, &lost_53, &lost_24, &lost_15}) {
    rows.push_back(runs->compared());
  }
  CHECK(rows[0].tests[0].test == "paired t test, 3 seeds");
  CHECK_THAT(rows[0].tests[0].p, WithinRel(0.062484866950225385, 1e-9));
  CHECK_THAT(rows[2].tests[0].p, WithinRel(0.31697534584339837, 1e-9));
  correct_for_many({&rows[0], &rows[1], &rows[2], &rows[3]});
  for (const auto& row : rows) {
    CHECK(row.significant());
    CHECK(row.strongest()->test == "McNemar mid-p, 3 seeds");
  }
}

TEST_CASE("a small drop that is the same in each seed is found by the t test alone") {
  // Drops 0.3 0.3 0.4 0.3 0.3 pp: t = 0.32 / (0.0447 / sqrt 5) = 16; but 16 images of
  // 5000 go one way only: make 40 go each way besides.
  Runs runs;
  for (const int lost : {3, 3, 4, 3, 3}) runs.seed(900, 900 - lost);
  for (std::size_t i = 1; i < runs.records().size(); i += 2) {
    auto& record = runs.records()[i];
    for (int image = 0; image < 40; ++image) record.predictions[image] = -1;
    for (int image = 900; image < 940; ++image) {
      record.predictions[image] = record.labels[image];
    }
  }
  const auto comparison = runs.compared();
  CHECK(comparison.tests[1].p > 0.1);
  CHECK(comparison.tests[0].p < 0.001);
  CHECK(comparison.significant());
}

TEST_CASE("one seed is judged by McNemar's test and has an interval over images") {
  const auto comparison = Runs().seed(900, 894).compared();
  REQUIRE(comparison.tests.size() == 1);
  CHECK(comparison.tests[0].test == "McNemar mid-p, 1 seed");
  CHECK_THAT(comparison.tests[0].p, WithinRel(0.015625, 1e-9));  // 2^-6
  REQUIRE(comparison.interval);
  CHECK(comparison.interval->method == kOverImages);
  // 7 / 1002 - 1 / 1002; half = 1.96 sqrt((8 / 1002 - (6 / 1002)^2) / 1002): in percent.
  CHECK_THAT(comparison.interval->interval.low, WithinAbs(0.5988 - 0.5521, 2e-4));
  CHECK_THAT(comparison.interval->interval.high, WithinAbs(0.5988 + 0.5521, 2e-4));
}

TEST_CASE("seeds that all drop the same have no t test, and the images' interval") {
  const auto comparison = Runs().seed(900, 895).seed(902, 897).compared();
  REQUIRE(comparison.tests.size() == 1);
  CHECK(comparison.tests[0].test == "McNemar mid-p, 2 seeds");
  CHECK(comparison.interval->method == kOverImages);
  CHECK(comparison.interval->interval.low < 0.5);
  CHECK(comparison.interval->interval.high > 0.5);
}

TEST_CASE("a network that predicts as float does has no significant difference") {
  CHECK_FALSE(significant(Runs().seed(900, 900).seed(905, 905)));
  CHECK_FALSE(significant(Runs()));
}

TEST_CASE("many comparisons make a chance find no find") {
  // p = 2^-6 for the first row alone; 20 rows like float: 0.0156 x 21 = 0.33.
  Comparison first = Runs().seed(900, 894).compared();
  CHECK(first.significant());
  std::vector<Comparison> others(20, Runs().seed(900, 900).compared());
  std::vector<Comparison*> all{&first};
  for (auto& other : others) all.push_back(&other);
  correct_for_many(all);
  CHECK_THAT(first.tests[0].adjusted, WithinRel(21 * 0.015625, 1e-9));
  CHECK_FALSE(first.significant());
}

TEST_CASE("predictions on other images are not compared") {
  Runs runs = Runs().seed(900, 800).seed(900, 820);
  runs.records()[1].labels.back() = 3;
  const auto comparison = runs.compared();
  REQUIRE(comparison.tests.size() == 1);
  CHECK(comparison.tests[0].test == "paired t test, 2 seeds");
}

TEST_CASE("half a unit of the last digit is the rounding of a published figure") {
  CHECK_THAT(rounding_of(3.7), WithinRel(0.05, 1e-12));
  CHECK_THAT(rounding_of(7.63), WithinRel(0.005, 1e-12));
  CHECK_THAT(rounding_of(11), WithinRel(0.5, 1e-12));
  CHECK_THAT(rounding_of(-0.2), WithinRel(0.05, 1e-12));
}

TEST_CASE("a verdict follows from the interval and the figure's rounding") {
  // Drops 1.9 2.0 2.1 pp: 2 +- 4.303 x 0.1 / sqrt 3 = [1.752, 2.248].
  const Runs runs = Runs().seed(900, 881).seed(900, 880).seed(900, 879);
  CHECK(verdict(runs, published_drop(2.2)) == "reproduced");
  CHECK(verdict(runs, published_drop(1.75)) == "reproduced");  // by its rounding
  CHECK(verdict(runs, published_drop(1.74)) == "missed");
  CHECK(verdict(runs, published_drop(1.7)) == "missed");  // 1.75 at most
  CHECK(verdict(runs, published_drop(2.26)) == "better");
  CHECK(verdict(runs, published_drop(0.1)) == "missed");
  CHECK(verdict(runs, PublishedSpec{}) == "");
  auto other = published_drop(2.2);
  other.recipe = "differs";
  CHECK(verdict(runs, other) == "recipe differs");
}

TEST_CASE("an interval that reaches further than the figure decides nothing") {
  // Drops 1.0 and 3.0 pp: 2 +- 12.7.
  const Runs wide = Runs().seed(900, 890).seed(900, 870);
  CHECK(verdict(wide, published_drop(2.2)) == "inconclusive");
  CHECK(verdict(wide, published_drop(13.1)) == "reproduced");
  CHECK(verdict(wide, published_drop(29.8)) == "better");
}

TEST_CASE("a published accuracy without a baseline is held against accuracies") {
  // 88.1 88.0 87.9 %: 88 +- 0.248.
  const Runs runs = Runs().seed(900, 881).seed(900, 880).seed(900, 879);
  PublishedSpec published;
  published.recipe = "same";
  published.accuracy = 88.2;
  CHECK(verdict(runs, published) == "reproduced");
  published.accuracy = 88.9;
  CHECK(verdict(runs, published) == "missed");
  published.accuracy = 87.1;
  CHECK(verdict(runs, published) == "better");
  published.accuracy = 88.9;
  published.baseline = 90.9;  // its drop counts, 2.0
  CHECK(verdict(runs, published) == "reproduced");
}
