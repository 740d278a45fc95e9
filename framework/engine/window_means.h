// The scales of XNOR-Net's inputs (Rastegari et al., ECCV 2016, section 3.2): A, a
// pixel's mean magnitude, and K, the mean of A over each window. One thread; no
// allocation.
#pragma once

#include <span>

#include "framework/engine/convolution.h"

namespace bitsweep::kernels {

/// a[pixel] = the mean of |x| over the pixel's channels. x: [pixels, channels].
void mean_magnitudes(std::span<const float> x, std::span<float> a);

/// k = the mean of `a` over each window of the convolution, with zeros beyond the border.
/// a: [images, input pixels], k: [images, output pixels].
void window_means(const ConvolutionGeometry& geometry, int images,
                  std::span<const float> a, std::span<float> k);

}  // namespace bitsweep::kernels
