// Checks a gradient against central differences of the function it belongs to.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "framework/core/random.h"

namespace bitsweep {

/// Independent normal values, the same for the same purpose.
inline std::vector<float> normal_values(std::size_t size, const char* purpose) {
  const RandomStream random(7, purpose);
  std::vector<float> values(size);
  for (std::size_t i = 0; i < size; ++i) {
    values[i] = float(random.normal_at(std::uint32_t(i)));
  }
  return values;
}

/// The sum of y * weight: a scalar whose gradient by y is `weight`.
inline double weighted_sum(std::span<const float> y, std::span<const float> weight) {
  double sum = 0;
  for (std::size_t i = 0; i < y.size(); ++i) sum += double(y[i]) * weight[i];
  return sum;
}

/// `loss()` reads x. A difference carries the float rounding of the loss divided by the
/// step and the loss's third derivative times its square; `tolerance` is absolute.
template <class Loss>
void check_gradient(std::vector<float>& x, std::span<const float> gradient, Loss loss,
                    double step, double tolerance) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    const float at = x[i];
    x[i] = float(at + step);
    const double above = loss(), upper = x[i];
    x[i] = float(at - step);
    const double below = loss(), lower = x[i];
    x[i] = at;
    CAPTURE(i);
    CHECK_THAT(gradient[i],
               Catch::Matchers::WithinAbs((above - below) / (upper - lower), tolerance));
  }
}

/// |a - b| <= bound (1 + |b|) for each pair.
inline void check_close(std::span<const float> a, std::span<const float> b,
                        double bound) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(double(a[i]) - b[i]);
    if (difference <= bound * (1 + std::abs(double(b[i])))) continue;
    CAPTURE(i, a[i], b[i]);
    FAIL_CHECK("values differ by " << difference);
    return;
  }
}

}  // namespace bitsweep
