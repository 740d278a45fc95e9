#include <catch2/catch.hpp>

#include "methods/kmeans/clusters.h"
#include "methods/sparse_least_squares/levels.h"
#include "tests/methods/quantizers.h"

using namespace bitsweep;
using namespace bitsweep::methods;
using namespace bitsweep::testing;

namespace {

const std::vector<double> kSorted = {-0.9, -0.85, -0.4, -0.1, 0.05,
                                     0.12, 0.3,   0.33, 0.8,  1.5};

WeighedValues plain() { return weighed_values(kSorted, 100, false); }

std::vector<std::size_t> support_of(const std::vector<double>& alpha) {
  std::vector<std::size_t> support;
  for (std::size_t i = 0; i < alpha.size(); ++i) {
    if (alpha[i] != 0) support.push_back(i);
  }
  return support;
}

void check_near(const std::vector<double>& found, const std::vector<double>& expected) {
  REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    CHECK(found[i] == Approx(expected[i]).margin(1e-7));
  }
}

double square_error(const std::vector<double>& sorted,
                    const std::vector<double>& levels) {
  double sum = 0;
  for (const double v : sorted) {
    double least = 1e300;
    for (const double level : levels) least = std::min(least, (v - level) * (v - level));
    sum += least;
  }
  return sum;
}

}  // namespace

TEST_CASE("sparse_least_squares: l1 with a refit, worked by hand", "[sls]") {
  const auto w = plain();
  const auto alpha = sparse_jumps(w, 0.1);
  CHECK(support_of(alpha) == std::vector<std::size_t>{0, 2, 3, 6, 8, 9});
  check_near(levels_of(w, alpha),
             {-.79166667, -.79166667, -.34444444, .06037037, .06037037, .06037037,
              .2293026, .2293026, .76504559, 1.42857143});
  const auto levels = refitted(w, alpha);
  check_near(levels, {-.875, -.4, .02333333333, .315, .8, 1.5});
  CHECK(square_error(kSorted, levels) == Approx(0.02696667).margin(1e-8));
}

TEST_CASE("sparse_least_squares: other penalties, worked by hand", "[sls]") {
  const auto w = plain();
  const auto strong = sparse_jumps(w, 0.3);
  CHECK(support_of(strong) == std::vector<std::size_t>{0, 2, 3, 8, 9});
  const auto levels = refitted(w, strong);
  check_near(levels, {-.875, -.4, .14, .8, 1.5});
  CHECK(square_error(kSorted, levels) == Approx(0.12905).margin(1e-8));
  const auto weak = refitted(w, sparse_jumps(w, 0.01));
  CHECK(weak.size() == 7);
  CHECK(square_error(kSorted, weak) == Approx(0.00415).margin(1e-8));
}

TEST_CASE("sparse_least_squares: l0 is the best of all partitions", "[sls]") {
  const auto w = plain();
  // All ways to cut ten values into runs.
  std::vector<double> least(11, 1e300);
  const Runs runs(w);
  for (unsigned cuts = 0; cuts < 1u << 9; ++cuts) {
    double error = 0;
    std::size_t begin = 0, count = 0;
    for (std::size_t end = 1; end <= 10; ++end) {
      if (end < 10 && (cuts >> (end - 1) & 1u) == 0) continue;
      error += runs.error(begin, end);
      begin = end;
      ++count;
    }
    least[count] = std::min(least[count], error);
  }
  for (std::size_t count = 1; count <= 10; ++count) {
    const auto levels = OptimalLevels(w, count).levels();
    CHECK(levels.size() == count);
    CHECK(square_error(kSorted, levels) == Approx(least[count]).margin(1e-12));
  }
}

TEST_CASE("sparse_least_squares: l0 is never above l1 or k-means", "[sls]") {
  std::vector<double> sorted;
  for (const float v : normal_values(200, 3)) sorted.push_back(double(v));
  std::sort(sorted.begin(), sorted.end());
  const auto w = weighed_values(sorted, 1000, true);
  for (const std::size_t count : {2u, 4u, 7u, 16u}) {
    const double best = square_error(sorted, OptimalLevels(w, count).levels());
    const auto l1 = sparse_levels(w, count);
    CHECK(l1.size() <= count);
    CHECK(best <= square_error(sorted, l1) + 1e-12);
    CHECK(best <=
          square_error(sorted, lloyd(sorted, linear_start(sorted, count))) + 1e-12);
  }
}

TEST_CASE("sparse_least_squares: values count as often as they stand there", "[sls]") {
  const std::vector<double> sorted = {0, 0, 0, 1};
  CHECK(OptimalLevels(weighed_values(sorted, 10, true), 1).levels()[0] == 0.25);
  CHECK(OptimalLevels(weighed_values(sorted, 10, false), 1).levels()[0] == 0.5);
}

TEST_CASE("sparse_least_squares: many values are merged in runs", "[sls]") {
  std::vector<double> sorted(1000);
  for (std::size_t i = 0; i < sorted.size(); ++i) sorted[i] = double(i);
  const auto w = weighed_values(sorted, 100, true);
  CHECK(w.size() == 100);
  CHECK(w.values.front() == 4.5);
  CHECK(w.weights.front() == 10);
}
