// Pooling and other element-wise work on codes of NHWC images. One thread; no allocation.
// Code is uint8_t or int8_t. Spans of a call do not overlap unless it is said.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "framework/engine/pooling.h"

namespace bitsweep {

/// By how many pixels `average_pool_forward` divides each window's sum, [output pixels]:
/// its area with the border, without what lies beyond it.
std::vector<int> window_areas(const PoolGeometry& geometry);

namespace kernels {

// x: [images, input], y: [images, output]. Windows are clipped at the image's edge.

/// y = the window's largest code, which is the code of the largest value wherever values
/// rise with codes.
template <class Code>
void max_pool_codes(const PoolGeometry& geometry, int images, std::span<const Code> x,
                    std::span<Code> y);

/// y = the sum of x - zero_point over the window, exact; times scale / `window_areas` it
/// is the average.
template <class Code>
void sum_pool_codes(const PoolGeometry& geometry, int images, std::span<const Code> x,
                    int zero_point, std::span<std::int32_t> y);

/// y[image, channel] = the sum of x - zero_point over the image, exact up to 2^23 pixels.
template <class Code>
void global_sum_codes(ImageShape shape, int images, std::span<const Code> x,
                      int zero_point, std::span<std::int32_t> y);

/// y = max(x, zero_point): the ReLU of a grid. y may be x.
template <class Code>
void relu_codes(std::span<const Code> x, int zero_point, std::span<Code> y);

/// y = levels[x]: how codes of any grid become values, for float kernels to take where no
/// integer kernel fits. Codes beyond the table give NaN. At most 256 levels.
void look_up(std::span<const std::uint8_t> x, std::span<const float> levels,
             std::span<float> y);

}  // namespace kernels
}  // namespace bitsweep
