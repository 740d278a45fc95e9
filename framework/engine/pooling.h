// Pooling of NHWC images. One thread; no allocation.
#pragma once

#include <cstdint>
#include <span>

#include "framework/core/sides.h"
#include "framework/core/tensor.h"

namespace bitsweep {

/// Windows of `kernel` every `stride` pixels over an image with a border of `pad`.
struct PoolGeometry {
  ImageShape input;
  ImageShape output;
  Sides kernel = 1;
  Sides stride = 1;
  Border pad = 0;
};

/// The output's size is floor((size + border - kernel) / stride) + 1, or with `ceil`
/// (Caffe's way) the same rounded up, less a last window that would begin outside the
/// image and its leading border. Throws ConfigError when the window does not fit, is
/// larger than 16, or lies within the border.
PoolGeometry pool_geometry(ImageShape input, Sides kernel, Sides stride, Border pad,
                           bool ceil);

namespace kernels {

// x, dx: [images, input]; y, dy, argmax: [images, output]. No two overlap. Windows are
// clipped at the image's edge.

/// y = the window's maximum, argmax = its place in the window, row * its width + column; the
/// first of equals. A NaN counts as larger than any number.
void max_pool_forward(const PoolGeometry& geometry, int images, std::span<const float> x,
                      std::span<float> y, std::span<std::uint8_t> argmax);
/// The same without places; of sums, too.
void max_pool(const PoolGeometry& geometry, int images, std::span<const float> x,
              std::span<float> y);
void max_pool(const PoolGeometry& geometry, int images, std::span<const std::int32_t> x,
              std::span<std::int32_t> y);
/// Each dy goes to its maximum; windows that overlap add up. dx is written in full.
void max_pool_backward(const PoolGeometry& geometry, int images,
                       std::span<const float> dy, std::span<const std::uint8_t> argmax,
                       std::span<float> dx);

/// y = the sum over the window's pixels of the image / the window's area, which counts
/// the border but not what lies beyond it (Caffe; PyTorch's count_include_pad).
void average_pool_forward(const PoolGeometry& geometry, int images,
                          std::span<const float> x, std::span<float> y);
void average_pool_backward(const PoolGeometry& geometry, int images,
                           std::span<const float> dy, std::span<float> dx);

/// y[image, channel] = the mean over the image's pixels. x: [images, shape].
void global_average_pool_forward(ImageShape shape, int images, std::span<const float> x,
                                 std::span<float> y);
void global_average_pool_backward(ImageShape shape, int images, std::span<const float> dy,
                                  std::span<float> dx);

}  // namespace kernels
}  // namespace bitsweep
