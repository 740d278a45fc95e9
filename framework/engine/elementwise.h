// Kernels that treat each value by itself. All spans of a call have one size; an output
// may be the same memory as an input, but must not overlap it otherwise. One thread; no
// allocation. A NaN that goes in comes out, unless a function says otherwise.
//
// The plain twins are in reference/reference.h; what is one operation long is its own
// definition and has none.
#pragma once

#include <cstdint>
#include <span>

#include "framework/core/random.h"
#include "framework/engine/rounding.h"

namespace bitsweep::kernels {

/// y = max(x, 0); -0 stays -0.
void relu_forward(std::span<const float> x, std::span<float> y);
/// dx = dy where y > 0, else 0; y is the output of `relu_forward` (its input serves as
/// well).
void relu_backward(std::span<const float> y, std::span<const float> dy,
                   std::span<float> dx);

/// y = clamp(x, -1, 1).
void hard_tanh_forward(std::span<const float> x, std::span<float> y);
/// dx = dy where |x| <= 1, else 0.
void hard_tanh_backward(std::span<const float> x, std::span<const float> dy,
                        std::span<float> dx);

void add(std::span<const float> a, std::span<const float> b, std::span<float> sum);
/// y += x.
void add_into(std::span<const float> x, std::span<float> y);
void copy(std::span<const float> x, std::span<float> y);

/// Inverted dropout: y = x / (1 - rate) where the draw at `offset + i` is at least
/// `rate`, else 0 (also for a NaN). Applied to dy with the same draws it is its own
/// backward. 0 <= rate < 1.
void dropout(std::span<const float> x, float rate, const RandomStream& random,
             std::uint32_t offset, std::span<float> y);

/// dx by `rule` from dy = dL/dQ(x); `low` and `high` serve kRange. Where a rule cuts off,
/// or x is NaN, dx is 0.
void straight_through(StraightThrough rule, std::span<const float> x,
                      std::span<const float> dy, float low, float high,
                      std::span<float> dx);

}  // namespace bitsweep::kernels
