// Local response normalisation: y = x * s^-beta, with s = k + alpha * (mean of x^2 over a
// window). One thread; no allocation; scratch comes from the caller and may hold
// anything.
#pragma once

#include <cstddef>
#include <span>

#include "framework/core/tensor.h"

namespace bitsweep {

struct ResponseNormalisation {
  int size = 5;  // of the window, odd
  float alpha = 1e-4f;
  float beta = 0.75f;
  float k = 1;
};

/// Floats of scratch that the kernels below need, whatever the number of images.
std::size_t within_channel_scratch(ImageShape shape, const ResponseNormalisation& lrn);
std::size_t across_channels_scratch(ImageShape shape, const ResponseNormalisation& lrn);

namespace kernels {

// x, y, dy, dx: [images, shape]. y may be the same memory as x, and dx as dy.

/// The window is size x size pixels of one channel; zeros beyond the image, and the mean
/// is over size^2 all the same (Caffe's WITHIN_CHANNEL, where k is 1).
void lrn_within_forward(ImageShape shape, int images, const ResponseNormalisation& lrn,
                        std::span<const float> x, std::span<float> y,
                        std::span<float> scratch);
void lrn_within_backward(ImageShape shape, int images, const ResponseNormalisation& lrn,
                         std::span<const float> x, std::span<const float> dy,
                         std::span<float> dx, std::span<float> scratch);

/// The window is `size` neighbouring channels of one pixel; zeros beyond the first and
/// last channel, and the mean is over `size` all the same (AlexNet with k = 1 or 2).
void lrn_across_forward(ImageShape shape, int images, const ResponseNormalisation& lrn,
                        std::span<const float> x, std::span<float> y,
                        std::span<float> scratch);
void lrn_across_backward(ImageShape shape, int images, const ResponseNormalisation& lrn,
                         std::span<const float> x, std::span<const float> dy,
                         std::span<float> dx, std::span<float> scratch);

}  // namespace kernels
}  // namespace bitsweep
