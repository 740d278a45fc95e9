// The windows of a pooling layer, one after another.
#pragma once

#include <algorithm>
#include <cstddef>

#include "framework/engine/pooling.h"

namespace bitsweep::reference {

/// Of a value in images that lie one after another, NHWC.
inline std::size_t value_index(ImageShape shape, int image, int h, int w, int c) {
  const std::size_t row = std::size_t(image) * std::size_t(shape.height) + std::size_t(h);
  const std::size_t pixel = row * std::size_t(shape.width) + std::size_t(w);
  return pixel * std::size_t(shape.channels) + std::size_t(c);
}

/// Calls visit(output element, input element, place in the window, window's area) for
/// each value of each window, windows and places in reading order.
template <class Visit>
void visit_windows(const PoolGeometry& g, int images, Visit visit) {
  for (int image = 0; image < images; ++image) {
    for (int oh = 0; oh < g.output.height; ++oh) {
      for (int ow = 0; ow < g.output.width; ++ow) {
        const int top = down(g).start(oh), left = along(g).start(ow);
        const int height =
            std::min(top + g.kernel.height, g.input.height + g.pad.bottom) - top;
        const int width =
            std::min(left + g.kernel.width, g.input.width + g.pad.right) - left;
        for (int c = 0; c < g.input.channels; ++c) {
          for (int place = 0; place < g.kernel.area(); ++place) {
            const int h = top + place / g.kernel.width;
            const int w = left + place % g.kernel.width;
            if (h < 0 || h >= g.input.height || w < 0 || w >= g.input.width) continue;
            visit(value_index(g.output, image, oh, ow, c),
                  value_index(g.input, image, h, w, c), place, height * width);
          }
        }
      }
    }
  }
}

}  // namespace bitsweep::reference
