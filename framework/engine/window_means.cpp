#include "framework/engine/window_means.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace bitsweep::kernels {
namespace {

template <std::size_t pixels>
void mean_magnitudes_of(const float* x, std::size_t channels, float* a) {
  float sums[pixels] = {};
  for (std::size_t c = 0; c < channels; ++c) {
    for (std::size_t p = 0; p < pixels; ++p) sums[p] += std::fabs(x[p * channels + c]);
  }
  for (std::size_t p = 0; p < pixels; ++p) a[p] = sums[p] / float(channels);
}

// To each window of a row of outputs, its values of one row of inputs.
void add_row(const ConvolutionGeometry& geometry, const float* from, float* to) {
  const int stride = geometry.stride.width;
  for (int kw = 0; kw < geometry.kernel.width; ++kw) {
    const int left = kw - geometry.pad.left;  // of the first window
    const int begin = left < 0 ? (-left + stride - 1) / stride : 0;
    const int end = std::min(geometry.output.width,
                             (geometry.input.width - left + stride - 1) / stride);
#pragma GCC ivdep
    for (int w = begin; w < end; ++w) to[w] += from[w * stride + left];
  }
}

}  // namespace

void mean_magnitudes(std::span<const float> x, std::span<float> a) {
  constexpr std::size_t kTogether = 8;  // sums that do not wait for one another
  const std::size_t channels = x.size() / std::max<std::size_t>(a.size(), 1);
  std::size_t pixel = 0;
  for (; pixel + kTogether <= a.size(); pixel += kTogether) {
    mean_magnitudes_of<kTogether>(x.data() + pixel * channels, channels, &a[pixel]);
  }
  for (; pixel < a.size(); ++pixel) {
    mean_magnitudes_of<1>(x.data() + pixel * channels, channels, &a[pixel]);
  }
}

void window_means(const ConvolutionGeometry& geometry, int images,
                  std::span<const float> a, std::span<float> k) {
  const ImageShape& in = geometry.input;
  const ImageShape& out = geometry.output;
  const auto area = float(geometry.kernel.area());
  for (int row = 0; row < images * out.height; ++row) {
    const int image = row / out.height;
    const int top = down(geometry).start(row % out.height);
    float* const to = k.data() + std::ptrdiff_t(row) * out.width;
    std::fill_n(to, out.width, 0.0f);
    for (int h = std::max(top, 0); h < std::min(top + geometry.kernel.height, in.height);
         ++h) {
      add_row(geometry, a.data() + std::ptrdiff_t(image * in.height + h) * in.width, to);
    }
    for (int w = 0; w < out.width; ++w) to[w] /= area;
  }
}

}  // namespace bitsweep::kernels
