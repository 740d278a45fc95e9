// What a convolution's filters meet at one output pixel (a row of im2col).
#pragma once

#include <span>

#include "framework/engine/convolution.h"

namespace bitsweep::kernels {

/// Calls visit(place in the patch, index into the image or -1 for padding) for each value
/// of the patch of an output pixel (row by row) and a group, in the order of a filter's
/// weights: [kernel height, kernel width, in / groups].
template <class Visit>
void visit_patch(const ConvolutionGeometry& g, int pixel, int group, Visit visit) {
  const int depth = g.channels_per_group();
  const int top = down(g).start(pixel / g.output.width);
  const int left = along(g).start(pixel % g.output.width);
  int place = 0;
  for (int y = top; y < top + g.kernel.height; ++y) {
    for (int x = left; x < left + g.kernel.width; ++x) {
      const bool inside = 0 <= y && y < g.input.height && 0 <= x && x < g.input.width;
      const int from = (y * g.input.width + x) * g.input.channels + group * depth;
      for (int c = 0; c < depth; ++c) visit(place++, inside ? from + c : -1);
    }
  }
}

/// patch: [kernel height, kernel width, in / groups]; zeros beyond the border.
inline void copy_patch(const ConvolutionGeometry& geometry, const float* image, int pixel,
                       int group, std::span<float> patch) {
  visit_patch(geometry, pixel, group, [&](int place, int index) {
    patch[std::size_t(place)] = index < 0 ? 0.0f : image[index];
  });
}

}  // namespace bitsweep::kernels
