#include <algorithm>
#include <cmath>
#include <cstddef>

#include "framework/engine/reference/reference.h"
#include "framework/engine/reference/windows.h"

namespace bitsweep::reference {
namespace {

PoolGeometry whole_image(ImageShape shape) {
  return {shape, {1, 1, shape.channels}, {shape.height, shape.width}, 1, 0};
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
