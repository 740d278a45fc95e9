// Ristretto's fixed point: codes of two's complement times 2^-fl.
// Gysel, arXiv:1605.06402; the rules of integer lengths are those of the authors' code.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "framework/quant/uniform.h"

namespace bitsweep::methods {

// ceil(log2(max)), without rounding on the way; `largest` is not 0.
inline int ceil_log2(float largest) {
  int exponent = 0;
  const float fraction = std::frexp(largest, &exponent);  // in [0.5, 1)
  return fraction == 0.5f ? exponent - 1 : exponent;
}

// il: the integer bits with the sign.
inline int parameter_length(const Range& range) {
  return range.high == 0 ? 1 : ceil_log2(range.high) + 1;
}
inline int activation_length(const Range& range) {
  return range.high == 0 ? 1 : ceil_log2(range.high);
}

// Step 2^-fl, fl = bits - il, which may be negative or larger than the width.
inline UniformGrid fixed_point(int bits, int il, bool is_signed) {
  constexpr int kLongest = 128;  // the ends of the range are floats
  constexpr int kFinest = 126;   // the step is a normal float
  const int fl = std::min(bits - std::min(il, kLongest), kFinest);
  const int codes = 1 << bits;
  return {.low = is_signed ? -codes / 2 : 0,
          .high = is_signed ? codes / 2 - 1 : codes - 1,
          .scale = {std::ldexp(1.0f, -fl)}};
}

/// Weights and biases: `training_rounding` is "stochastic", or else they are rounded as
/// outside training.
inline UniformSettings parameter_settings(std::function<UniformGrid(const Range&)> grid,
                                          const std::string& rounding,
                                          const std::string& training_rounding) {
  const Rounding nearest = rounding_named(rounding);
  const bool stochastic = training_rounding == "stochastic";
  return {.grid = std::move(grid),
          .rounding = nearest,
          .training_rounding = stochastic ? Rounding::kStochastic : nearest};
}

/// Inputs and outputs: where they saturate in training, gradients are zero.
inline UniformSettings activation_settings(std::function<UniformGrid(const Range&)> grid,
                                           const std::string& rounding,
                                           bool quantizes_in_training) {
  const Rounding nearest = rounding_named(rounding);
  return {.grid = std::move(grid),
          .quantizes_in_training = quantizes_in_training,
          .rounding = nearest,
          .training_rounding = nearest,
          .straight_through = StraightThrough::kRange};
}

/// The binary point of dynamic fixed point's activations.
inline std::function<UniformGrid(const Range&)> dynamic_activations(int bits,
                                                                    bool is_signed,
                                                                    int extra = 0) {
  return [=](const Range& range) {
    return fixed_point(bits, activation_length(range) + extra, is_signed);
  };
}

}  // namespace bitsweep::methods
