#include <catch2/catch.hpp>

#include "framework/core/parallel.h"
#include "framework/engine/reference/reference.h"
#include "tests/engine/finite_difference.h"

using namespace bitsweep;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

TEST_CASE("reductions agree with their twins at every size") {
  for (const std::size_t size : {0, 1, 7, 31, 32, 33, 257, 2049, 50001}) {
    CAPTURE(size);
    const auto x = normal_values(size, "x");
    // Float sums of 64 terms, added in double.
    CHECK_THAT(kernels::sum(x), WithinAbs(reference::sum(x), 1e-7 * double(size)));
    CHECK_THAT(kernels::sum_abs(x), WithinRel(reference::sum_abs(x), 1e-6));
    CHECK_THAT(kernels::sum_squares(x), WithinRel(reference::sum_squares(x), 1e-6));
    CHECK_THAT(kernels::mean_abs(x), WithinRel(reference::mean_abs(x), 1e-6));
    CHECK(kernels::max_abs(x) == reference::max_abs(x));
    CHECK(kernels::min_max(x) == reference::min_max(x));
    const Beyond far = kernels::beyond(x, 0.7f), far_twin = reference::beyond(x, 0.7f);
    CHECK(far.count == far_twin.count);
    CHECK_THAT(far.sum_abs, WithinRel(far_twin.sum_abs, 1e-6));
  }
}

TEST_CASE("reductions have the same bits on one thread and on two") {
  const auto x = normal_values(100000, "x");
  const int before = threads();
  set_threads(1);
  const double sum = kernels::sum(x), squares = kernels::sum_squares(x);
  set_threads(2);
  CHECK(kernels::sum(x) == sum);
  CHECK(kernels::sum_squares(x) == squares);
  set_threads(before);
}

TEST_CASE("a large tensor is summed block by block without losing small values") {
  // Equal terms round alike: 64 of them by 32 * 2^-24 at most, and no more for more
  // blocks.
  const std::vector<float> x(3'000'000, 0.1f);
  CHECK_THAT(kernels::sum(x), WithinRel(3'000'000 * double(0.1f), 2e-6));
}

TEST_CASE("extremes pass over NaN") {
  std::vector<float> x(100, std::nanf(""));
  x[3] = -5;
  x[99] = 2;
  CHECK(kernels::min_max(x) == MinMax{-5, 2});
  CHECK(kernels::max_abs(x) == 5);
}

TEST_CASE("a threshold itself is not beyond it") {
  const std::vector<float> x = {-2, -1, 0, 1, 3};
  CHECK(kernels::beyond(x, 1) == Beyond{2, 5});
}
