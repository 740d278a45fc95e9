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

/// 1 / (1 + exp(-x)) at steps of 1/128 from -11 to 11.
struct LogisticTable {
  static constexpr float kReach = 11;
  static constexpr int kSteps = 128;
  static constexpr std::size_t kSize = std::size_t(2 * kReach * kSteps) + 1;

  std::array<float, kSize> at{};

  constexpr LogisticTable() {
    for (std::size_t i = 0; i < kSize; ++i) {
      at[i] = float(1 / (1 + exponential(double(kReach) - double(i) / kSteps)));
    }
  }

  /// (1 + y + y^2/2 + ...)^1024 with y = x / 1024.
  static constexpr double exponential(double x) {
    const double y = x / 1024;
    double power = 1 + y * (1 + y / 2 * (1 + y / 3 * (1 + y / 4 * (1 + y / 5))));
    for (int i = 0; i < 10; ++i) power *= power;
    return power;
  }
};

inline constexpr LogisticTable kLogistic;

/// Codes one decision and lets its weights learn from it.
template <class Coder, std::size_t n>
inline bool code_decision(Coder& coder, bool bit,
                          const std::array<LogisticWeight*, n>& weights) {
  constexpr float kPrecisionLimit = 1024;  // never stops learning
  float sum = weights[0]->value;
  for (std::size_t i = 1; i < n; ++i) sum += weights[i]->value;
  sum = std::min(std::max(sum, -LogisticTable::kReach), LogisticTable::kReach);
  const auto step = int((sum + LogisticTable::kReach) * LogisticTable::kSteps + 0.5f);
  const float p = kLogistic.at[std::size_t(step)];
  bit = coder.code(bit, BitProbability(p * 65535 + 0.5f));
  const float error = (bit ? 1.0f : 0.0f) - p;
  const float information = p * (1 - p);
  for (LogisticWeight* weight : weights) {
    weight->precision = std::min(weight->precision + information, kPrecisionLimit);
    weight->value += error / weight->precision;
  }
  return bit;
}

}  // namespace bitsweep
