#include <algorithm>
#include <cmath>
#include <cstddef>

#include "framework/engine/reference/reference.h"

namespace bitsweep::reference {
namespace {

std::size_t at(ImageShape shape, int image, int h, int w, int c) {
  const std::size_t row = std::size_t(image) * std::size_t(shape.height) + std::size_t(h);
  const std::size_t pixel = row * std::size_t(shape.width) + std::size_t(w);
  return pixel * std::size_t(shape.channels) + std::size_t(c);
}

// Calls visit(output element, input element, place in the window, window's area) for each
// value of each window, windows and places in reading order.
template <class Visit>
void visit_windows(const PoolGeometry& g, int images, Visit visit) {
  for (int image = 0; image < images; ++image) {
    for (int oh = 0; oh < g.output.height; ++oh) {
      for (int ow = 0; ow < g.output.width; ++ow) {
        const int top = oh * g.stride - g.pad, left = ow * g.stride - g.pad;
        const int height = std::min(top + g.kernel, g.input.height + g.pad) - top;
        const int width = std::min(left + g.kernel, g.input.width + g.pad) - left;
        for (int c = 0; c < g.input.channels; ++c) {
          for (int place = 0; place < g.kernel * g.kernel; ++place) {
            const int h = top + place / g.kernel, w = left + place % g.kernel;
            if (h < 0 || h >= g.input.height || w < 0 || w >= g.input.width) continue;
            visit(at(g.output, image, oh, ow, c), at(g.input, image, h, w, c), place,
                  height * width);
          }
        }
      }
    }
  }
}

PoolGeometry whole_image(ImageShape shape) {
  return {shape, {1, 1, shape.channels}, std::max(shape.height, shape.width), 1, 0};
}

}  // namespace

void max_pool_forward(const PoolGeometry& geometry, int images, std::span<const float> x,
                      std::span<float> y, std::span<std::uint8_t> argmax) {
  constexpr std::size_t kNone = ~std::size_t{0};
  std::size_t window = kNone;
  visit_windows(geometry, images,
                [&](std::size_t out, std::size_t in, int place, int /*area*/) {
                  const bool is_first = out != window;
                  window = out;
                  if (is_first || x[in] > y[out] || std::isnan(x[in])) {
                    y[out] = x[in];
                    argmax[out] = std::uint8_t(place);
                  }
                });
}

void max_pool_backward(const PoolGeometry& geometry, int images,
                       std::span<const float> dy, std::span<const std::uint8_t> argmax,
                       std::span<float> dx) {
  std::fill(dx.begin(), dx.end(), 0.0f);
  visit_windows(geometry, images,
                [&](std::size_t out, std::size_t in, int place, int /*area*/) {
                  if (argmax[out] == place) dx[in] += dy[out];
                });
}

void average_pool_forward(const PoolGeometry& geometry, int images,
                          std::span<const float> x, std::span<float> y) {
  std::fill(y.begin(), y.end(), 0.0f);
  visit_windows(geometry, images,
                [&](std::size_t out, std::size_t in, int, int) { y[out] += x[in]; });
  std::size_t last = y.size();
  visit_windows(geometry, images, [&](std::size_t out, std::size_t, int, int area) {
    if (out != last) y[out] /= float(area);
    last = out;
  });
}

void average_pool_backward(const PoolGeometry& geometry, int images,
                           std::span<const float> dy, std::span<float> dx) {
  std::fill(dx.begin(), dx.end(), 0.0f);
  visit_windows(geometry, images, [&](std::size_t out, std::size_t in, int, int area) {
    dx[in] += dy[out] * (1.0f / float(area));
  });
}

void global_average_pool_forward(ImageShape shape, int images, std::span<const float> x,
                                 std::span<float> y) {
  std::fill(y.begin(), y.end(), 0.0f);
  visit_windows(whole_image(shape), images,
                [&](std::size_t out, std::size_t in, int, int) { y[out] += x[in]; });
  for (float& mean : y) mean /= float(shape.pixels());
}

void global_average_pool_backward(ImageShape shape, int images, std::span<const float> dy,
                                  std::span<float> dx) {
  visit_windows(whole_image(shape), images,
                [&](std::size_t out, std::size_t in, int, int) {
                  dx[in] = dy[out] * (1 / float(shape.pixels()));
                });
}

}  // namespace bitsweep::reference
