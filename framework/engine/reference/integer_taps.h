// The taps of a convolution, one after another.
#pragma once

#include <cstddef>

#include "framework/engine/convolution.h"

namespace bitsweep::reference {

/// Calls visit(output, weight, input) with the index of each element, for each product of
/// a convolution of `images` images; input is -1 in the border.
template <class Visit>
void visit_products(const ConvolutionGeometry& g, int images, Visit visit) {
  const int depth = g.channels_per_group(), filters = g.output.channels / g.groups;
  std::ptrdiff_t output = 0;
  for (int image = 0; image < images; ++image) {
    for (int row = 0; row < g.output.height; ++row) {
      for (int column = 0; column < g.output.width; ++column) {
        std::ptrdiff_t weight = 0;
        for (int f = 0; f < g.output.channels; ++f, ++output) {
          for (int tap = 0; tap < g.kernel.area(); ++tap) {
            const int h = down(g).start(row) + tap / g.kernel.width;
            const int w = along(g).start(column) + tap % g.kernel.width;
            const bool inside =
                0 <= h && h < g.input.height && 0 <= w && w < g.input.width;
            const std::ptrdiff_t pixel =
                (std::ptrdiff_t(image) * g.input.height + h) * g.input.width + w;
            for (int c = 0; c < depth; ++c, ++weight) {
              visit(output, weight,
                    inside ? pixel * g.input.channels + f / filters * depth + c
                           : std::ptrdiff_t(-1));
            }
          }
        }
      }
    }
  }
}

}  // namespace bitsweep::reference
