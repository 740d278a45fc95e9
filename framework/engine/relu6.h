// The ReLU that is clipped at 6, as networks for small integers have it. Spans and NaN as
// in elementwise.h; each is one operation long and its own definition.
#pragma once

#include <span>

namespace bitsweep::kernels {

/// y = clamp(x, 0, 6); -0 stays -0.
void relu6_forward(std::span<const float> x, std::span<float> y);
/// dx = dy where 0 < y < 6, else 0; y is the output of `relu6_forward` (its input serves
/// as well).
void relu6_backward(std::span<const float> y, std::span<const float> dy,
                    std::span<float> dx);

}  // namespace bitsweep::kernels
