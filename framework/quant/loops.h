// Element-wise loops as quantizers need them: in fixed blocks on the threads at hand,
// each block vectorised by the compiler.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

#include "framework/core/parallel.h"

namespace bitsweep {

/// y[i] = f(x[i]); y may be x, and is otherwise apart from it.
template <class Out, class F>
void transform(std::span<const float> x, std::span<Out> y, F f) {
  parallel_ranges(x.size(), [&](std::size_t begin, std::size_t end) {
    const F apply = f;  // a copy of its own: no store to y can change what it captured
    const float* const from = x.data();
    Out* const to = y.data();
#pragma GCC ivdep
    for (std::size_t i = begin; i < end; ++i) to[i] = apply(from[i]);
  });
}

/// z[i] = f(x[i], y[i]); z may be x or y, and is otherwise apart from them.
template <class F>
void transform(std::span<const float> x, std::span<const float> y, std::span<float> z,
               F f) {
  parallel_ranges(x.size(), [&](std::size_t begin, std::size_t end) {
    const F apply = f;
    const float* const first = x.data();
    const float* const second = y.data();
    float* const to = z.data();
#pragma GCC ivdep
    for (std::size_t i = begin; i < end; ++i) to[i] = apply(first[i], second[i]);
  });
}

/// f(i, x[i]) for each i, which may read and write element i of other spans, the memory
/// of x among them, but no other element.
template <class F>
void for_each_indexed(std::span<const float> x, F f) {
  parallel_ranges(x.size(), [&](std::size_t begin, std::size_t end) {
    const F apply = f;
    const float* const from = x.data();
#pragma GCC ivdep
    for (std::size_t i = begin; i < end; ++i) apply(i, from[i]);
  });
}

/// The sum of `term(i)` for i in [0, n), in double precision. A term may write element i
/// of its own spans, but no other element.
template <class Term>
double sum_over(std::size_t n, Term term) {
  constexpr std::size_t kLanes = 16;  // added to side by side, in vector registers
  return parallel_sum(n, [&](std::size_t begin, std::size_t end) {
    const Term own = term;
    double lanes[kLanes] = {};
    std::size_t i = begin;
    for (; i + kLanes <= end; i += kLanes) {
#pragma GCC unroll 1
#pragma GCC ivdep
      for (std::size_t lane = 0; lane < kLanes; ++lane) lanes[lane] += own(i + lane);
    }
    for (std::size_t lane = 0; i < end; ++i, ++lane) lanes[lane] += own(i);
    double sum = 0;
    for (const double part : lanes) sum += part;
    return sum;
  });
}

/// What an element becomes, and what it adds to a sum.
struct ValueAndTerm {
  float value, term;
};

/// z[i] = f(x[i], y[i]).value in one pass with the sum of the terms, in double precision;
/// z may be x or y, and is otherwise apart from them.
template <class F>
double transform_and_sum(std::span<const float> x, std::span<const float> y,
                         std::span<float> z, F f) {
  return sum_over(x.size(),
                  [p = x.data(), q = y.data(), to = z.data(), f](std::size_t i) {
                    const ValueAndTerm both = f(p[i], q[i]);
                    to[i] = both.value;
                    return both.term;
                  });
}

}  // namespace bitsweep
