// Sums and extremes of whole tensors: fixed blocks and lanes, so that neither the number
// of threads nor the alignment of the memory changes a bit. NaNs are passed over by
// extremes.
#pragma once

#include <cstddef>
#include <span>

#include "framework/core/parallel.h"

namespace bitsweep {

/// The sum of `term(i)` for i in [0, n), in double precision.
template <class Term>
double sum_over(std::size_t n, Term term) {
  constexpr std::size_t kLanes = 16;  // added to side by side, in vector registers
  return parallel_sum(n, [&](std::size_t begin, std::size_t end) {
    const Term own = term;
    double lanes[kLanes] = {};
    std::size_t i = begin;
    for (; i + kLanes <= end; i += kLanes) {
#pragma GCC unroll 1
      for (std::size_t lane = 0; lane < kLanes; ++lane) lanes[lane] += own(i + lane);
    }
    for (std::size_t lane = 0; i < end; ++i, ++lane) lanes[lane] += own(i);
    double sum = 0;
    for (const double part : lanes) sum += part;
    return sum;
  });
}

double sum(std::span<const float> x);
double sum_abs(std::span<const float> x);

/// 0 for none.
float max_abs(std::span<const float> x);

struct Extremes {
  float low;   // +infinity for none
  float high;  // -infinity for none
};
Extremes extremes(std::span<const float> x);

}  // namespace bitsweep
