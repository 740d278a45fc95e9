// The probability of a binary decision, learned while coding: the logistic function of a
// sum of weights, one for each circumstance of the decision (its row, its column, its
// neighbours). Each weight carries the precision with which it is known, as in the
// diagonal Laplace approximation of Bayesian logistic regression (Spiegelhalter and
// Lauritzen, 1990): it moves fast at first and slowly when much was seen, as counts
// would.
//
// Both sides must find the same bits: there is no library function here, only additions,
// multiplications and divisions in a fixed order, and a table made by the compiler.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "framework/pack/range_coder.h"

namespace bitsweep {

struct LogisticWeight {
  float value = 0;
  float precision = 1;
};

/// The logistic function p at steps of 1/32 from -11 to 11: 1/64 off costs 10^-4 bits.
struct LogisticTable {
  static constexpr float kReach = 11;
  static constexpr int kSteps = 32;
  static constexpr std::size_t kSize = std::size_t(2 * kReach * kSteps) + 1;

  struct Entry {
    float p, information;  // p, p (1 - p)
    BitProbability one;
  };
  std::array<Entry, kSize> at{};

  constexpr LogisticTable() {
    for (std::size_t i = 0; i < kSize; ++i) {
      const double p = 1 / (1 + exponential(double(kReach) - double(i) / kSteps));
      at[i] = {float(p), float(p * (1 - p)), BitProbability(p * 65535 + 0.5)};
    }
  }

  /// (1 + y + y^2/2 + ...)^1024 with y = x / 1024.
  static constexpr double exponential(double x) {
    const double y = x / 1024;
    double power = 1 + y * (1 + y / 2 * (1 + y / 3 * (1 + y / 4 * (1 + y / 5))));
    for (int i = 0; i < 10; ++i) power *= power;
    return power;
  }

  const Entry& near(float x) const {
    const float step = (x + kReach) * kSteps + 0.5f;
    return at[std::size_t(
        std::int32_t(std::min(std::max(step, 0.0f), float(kSize - 1))))];
  }
};

inline constexpr LogisticTable kLogistic;

/// Codes one decision and lets its weights learn from it. The weights' order is that of
/// the sum: those that were most likely just changed come last, not to be waited for.
template <class Coder, std::size_t n>
inline bool code_decision(Coder& coder, bool bit,
                          const std::array<LogisticWeight*, n>& weights) {
  constexpr float kPrecisionLimit = 1024;  // never stops learning
  float sum = weights[0]->value;
  for (std::size_t i = 1; i < n; ++i) sum += weights[i]->value;
  const auto [p, information, one] = kLogistic.near(sum);
  bit = coder.code(bit, one);
  const float error = bit ? 1 - p : -p;
  for (LogisticWeight* weight : weights) {
    weight->precision = std::min(weight->precision + information, kPrecisionLimit);
    weight->value += error / weight->precision;
  }
  return bit;
}

}  // namespace bitsweep
