// What binary methods share: the sign, the clip of latent weights, and the chance of +1.
#pragma once

#include <algorithm>
#include <span>

#include "framework/quant/loops.h"

namespace bitsweep::methods {

/// sign(0) = +1.
inline float sign(float v) { return v >= 0 ? 1.0f : -1.0f; }

/// The hard sigmoid clip((v + 1) / 2, 0, 1): the probability of +1.
inline float hard_sigmoid(float v) {
  const float s = (v + 1) * 0.5f;
  return s < 0 ? 0.0f : s > 1 ? 1.0f : s;
}

/// Clips in place to [-bound, bound].
inline void clip(std::span<float> values, float bound) {
  transform(std::span<const float>(values), values, [bound](float v) {
    return v < -bound ? -bound : v > bound ? bound : v;
  });
}

}  // namespace bitsweep::methods
