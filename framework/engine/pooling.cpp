#include "framework/engine/pooling.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include <fmt/format.h>

#include "framework/core/error.h"

namespace bitsweep {
namespace {

constexpr int kLargestWindow = 16;  // its places number 256, a byte's worth

int pooled_size(int size, int kernel, int stride, int pad, bool ceil) {
  const int room = size + 2 * pad - kernel;
  const int pooled = (ceil ? (room + stride - 1) / stride : room / stride) + 1;
  const bool begins_outside = (pooled - 1) * stride >= size + pad;
  return begins_outside ? pooled - 1 : pooled;
}

}  // namespace

PoolGeometry pool_geometry(ImageShape input, int kernel, int stride, int pad, bool ceil) {
  const int shorter = std::min(input.height, input.width);
  if (kernel < 1 || kernel > kLargestWindow || stride < 1 || pad < 0 || pad >= kernel ||
      kernel > shorter + 2 * pad) {
    throw ConfigError(fmt::format(
        "pooling: a window of {} with stride {} and border {} does not suit an image of "
        "{}x{}; expected a window of 1 to {} that fits, a stride of at least 1 and a "
        "border "
        "narrower than the window",
        kernel, stride, pad, input.height, input.width, kLargestWindow));
  }
  const ImageShape output = {pooled_size(input.height, kernel, stride, pad, ceil),
                             pooled_size(input.width, kernel, stride, pad, ceil),
                             input.channels};
  return {input, output, kernel, stride, pad};
}

namespace kernels {
namespace {

/// Pixels [begin, end) along one side of the image, first of them at `place` within the
/// window, whose length counts the border.
struct Extent {
  int begin;
  int end;
  int place;
  int length;
};

Extent window_extent(int index, int size, const PoolGeometry& g) {
  const int start = index * g.stride - g.pad;
  const int stop = std::min(start + g.kernel, size + g.pad);
  const int begin = std::max(start, 0);
  return {begin, std::min(stop, size), begin - start, stop - start};
}

/// Windows [begin, end) along one side that hold the pixel at `position`.
struct Cover {
  int begin;
  int end;
};

Cover covering_windows(int position, int windows, const PoolGeometry& g) {
  const int padded = position + g.pad;
  const int first = padded < g.kernel ? 0 : (padded - g.kernel) / g.stride + 1;
  return {first, std::min(windows, padded / g.stride + 1)};
}

void check_sizes(const PoolGeometry& g, int images, std::size_t inputs,
                 std::size_t outputs) {
  ensure(inputs == g.input.elements() * std::size_t(images) &&
             outputs == g.output.elements() * std::size_t(images),
         "pooling spans hold exactly their images");
}

/// Calls `window(row extent, column extent, first input element, first output element)`
/// for each output pixel; elements count from the start of the batch.
template <class Window>
void for_each_window(const PoolGeometry& g, int images, Window window) {
  const std::size_t channels = std::size_t(g.input.channels);
  std::size_t out = 0;
  for (int image = 0; image < images; ++image) {
    const std::size_t base = std::size_t(image) * g.input.elements();
    for (int h = 0; h < g.output.height; ++h) {
      const Extent rows = window_extent(h, g.input.height, g);
      for (int w = 0; w < g.output.width; ++w) {
        const Extent columns = window_extent(w, g.input.width, g);
        const std::size_t corner = std::size_t(rows.begin) * std::size_t(g.input.width) +
                                   std::size_t(columns.begin);
        window(rows, columns, base + corner * channels, out);
        out += channels;
      }
    }
  }
}

/// Calls `pixel(row cover, column cover, row, column, image's first output element, input
/// element)` for each input pixel.
template <class Pixel>
void for_each_pixel(const PoolGeometry& g, int images, Pixel pixel) {
  const std::size_t channels = std::size_t(g.input.channels);
  std::size_t in = 0;
  for (int image = 0; image < images; ++image) {
    const std::size_t base = std::size_t(image) * g.output.elements();
    for (int h = 0; h < g.input.height; ++h) {
      const Cover rows = covering_windows(h, g.output.height, g);
      for (int w = 0; w < g.input.width; ++w) {
        const Cover columns = covering_windows(w, g.output.width, g);
        pixel(rows, columns, h, w, base, in);
        in += channels;
      }
    }
  }
}

bool is_whole(const Extent& rows, const Extent& columns, int kernel) {
  return rows.end - rows.begin == kernel && columns.end - columns.begin == kernel;
}

bool beats(float challenger, float best) {
  return (challenger > best) | (challenger != challenger);
}

/// A window of K x K, all inside the image: one pass over the channels.
template <int K>
void max_whole_window(const float* x, std::size_t row, std::size_t channels,
                      float* __restrict y, std::uint8_t* __restrict argmax) {
  for (std::size_t c = 0; c < channels; ++c) {
    float best = x[c];
    int place = 0;
#pragma GCC unroll 9
    for (int k = 1; k < K * K; ++k) {
      const float v = x[std::size_t(k / K) * row + std::size_t(k % K) * channels + c];
      const bool wins = beats(v, best);
      best = wins ? v : best;
      place = wins ? k : place;
    }
    y[c] = best;
    argmax[c] = std::uint8_t(place);
  }
}

/// Any window, place after place.
void max_window(const Extent& rows, const Extent& columns, int kernel, const float* x,
                std::size_t row, std::size_t channels, float* __restrict y,
                std::uint8_t* __restrict argmax) {
  const int first = rows.place * kernel + columns.place;
  std::copy(x, x + channels, y);
  std::fill(argmax, argmax + channels, std::uint8_t(first));
  for (int h = 0; h < rows.end - rows.begin; ++h) {
    for (int w = 0; w < columns.end - columns.begin; ++w) {
      const float* pixel = x + std::size_t(h) * row + std::size_t(w) * channels;
      const auto place = std::uint8_t(first + h * kernel + w);
      for (std::size_t c = 0; c < channels; ++c) {
        const bool wins = beats(pixel[c], y[c]) & (place != first);
        y[c] = wins ? pixel[c] : y[c];
        argmax[c] = wins ? place : argmax[c];
      }
    }
  }
}

template <int K>
void average_whole_window(const float* x, std::size_t row, std::size_t channels,
                          float* __restrict y) {
  for (std::size_t c = 0; c < channels; ++c) {
    float sum = x[c];
#pragma GCC unroll 9
    for (int k = 1; k < K * K; ++k) {
      sum += x[std::size_t(k / K) * row + std::size_t(k % K) * channels + c];
    }
    y[c] = sum / (K * K);
  }
}

void average_window(const Extent& rows, const Extent& columns, const float* x,
                    std::size_t row, std::size_t channels, float* __restrict y) {
  std::fill(y, y + channels, 0.0f);
  for (int h = 0; h < rows.end - rows.begin; ++h) {
    for (int w = 0; w < columns.end - columns.begin; ++w) {
      const float* pixel = x + std::size_t(h) * row + std::size_t(w) * channels;
      for (std::size_t c = 0; c < channels; ++c) y[c] += pixel[c];
    }
  }
  const float area = float(rows.length * columns.length);
  for (std::size_t c = 0; c < channels; ++c) y[c] /= area;
}

}  // namespace

void max_pool_forward(const PoolGeometry& g, int images, std::span<const float> x,
                      std::span<float> y, std::span<std::uint8_t> argmax) {
  check_sizes(g, images, x.size(), y.size());
  ensure(argmax.size() == y.size(), "each maximum has its place");
  const std::size_t channels = std::size_t(g.input.channels);
  const std::size_t row = channels * std::size_t(g.input.width);
  const auto window = [&](const Extent& rows, const Extent& columns, std::size_t in,
                          std::size_t out) {
    const bool whole = is_whole(rows, columns, g.kernel);
    const float* from = x.data() + in;
    float* best = y.data() + out;
    std::uint8_t* place = argmax.data() + out;
    if (whole && g.kernel == 2)
      return max_whole_window<2>(from, row, channels, best, place);
    if (whole && g.kernel == 3)
      return max_whole_window<3>(from, row, channels, best, place);
    max_window(rows, columns, g.kernel, from, row, channels, best, place);
  };
  for_each_window(g, images, window);
}

void max_pool_backward(const PoolGeometry& g, int images, std::span<const float> dy,
                       std::span<const std::uint8_t> argmax, std::span<float> dx) {
  check_sizes(g, images, dx.size(), dy.size());
  ensure(argmax.size() == dy.size(), "each maximum has its place");
  const std::size_t channels = std::size_t(g.input.channels);
  const auto pixel = [&](Cover rows, Cover columns, int h, int w, std::size_t base,
                         std::size_t in) {
    float* __restrict sum = dx.data() + in;
    bool is_first = true;
    for (int i = rows.begin; i < rows.end; ++i) {
      for (int j = columns.begin; j < columns.end; ++j) {
        const std::size_t window =
            std::size_t(i) * std::size_t(g.output.width) + std::size_t(j);
        const float* gradient = dy.data() + base + window * channels;
        const std::uint8_t* chosen = argmax.data() + base + window * channels;
        const auto place = std::uint8_t((h + g.pad - i * g.stride) * g.kernel + w +
                                        g.pad - j * g.stride);
        if (is_first) {
          for (std::size_t c = 0; c < channels; ++c) {
            sum[c] = chosen[c] == place ? gradient[c] : 0.0f;
          }
        } else {
          for (std::size_t c = 0; c < channels; ++c) {
            sum[c] += chosen[c] == place ? gradient[c] : 0.0f;
          }
        }
        is_first = false;
      }
    }
    if (is_first) std::fill(sum, sum + channels, 0.0f);
  };
  for_each_pixel(g, images, pixel);
}

void average_pool_forward(const PoolGeometry& g, int images, std::span<const float> x,
                          std::span<float> y) {
  check_sizes(g, images, x.size(), y.size());
  const std::size_t channels = std::size_t(g.input.channels);
  const std::size_t row = channels * std::size_t(g.input.width);
  const auto window = [&](const Extent& rows, const Extent& columns, std::size_t in,
                          std::size_t out) {
    const bool whole = is_whole(rows, columns, g.kernel);
    const float* from = x.data() + in;
    float* mean = y.data() + out;
    if (whole && g.kernel == 2) return average_whole_window<2>(from, row, channels, mean);
    if (whole && g.kernel == 3) return average_whole_window<3>(from, row, channels, mean);
    average_window(rows, columns, from, row, channels, mean);
  };
  for_each_window(g, images, window);
}

void average_pool_backward(const PoolGeometry& g, int images, std::span<const float> dy,
                           std::span<float> dx) {
  check_sizes(g, images, dx.size(), dy.size());
  const std::size_t channels = std::size_t(g.input.channels);
  const auto pixel = [&](Cover rows, Cover columns, int, int, std::size_t base,
                         std::size_t in) {
    float* __restrict sum = dx.data() + in;
    bool is_first = true;
    for (int i = rows.begin; i < rows.end; ++i) {
      const int height = window_extent(i, g.input.height, g).length;
      for (int j = columns.begin; j < columns.end; ++j) {
        const int width = window_extent(j, g.input.width, g).length;
        const float share = 1.0f / float(height * width);
        const std::size_t window =
            std::size_t(i) * std::size_t(g.output.width) + std::size_t(j);
        const float* gradient = dy.data() + base + window * channels;
        if (is_first) {
          for (std::size_t c = 0; c < channels; ++c) sum[c] = gradient[c] * share;
        } else {
          for (std::size_t c = 0; c < channels; ++c) sum[c] += gradient[c] * share;
        }
        is_first = false;
      }
    }
    if (is_first) std::fill(sum, sum + channels, 0.0f);
  };
  for_each_pixel(g, images, pixel);
}

void global_average_pool_forward(ImageShape shape, int images, std::span<const float> x,
                                 std::span<float> y) {
  const std::size_t channels = std::size_t(shape.channels);
  ensure(x.size() == shape.elements() * std::size_t(images) &&
             y.size() == channels * std::size_t(images),
         "pooling spans hold exactly their images");
  const float* pixel = x.data();
  for (int image = 0; image < images; ++image) {
    float* __restrict mean = y.data() + std::size_t(image) * channels;
    std::fill(mean, mean + channels, 0.0f);
    for (std::size_t p = 0; p < shape.pixels(); ++p, pixel += channels) {
      for (std::size_t c = 0; c < channels; ++c) mean[c] += pixel[c];
    }
    const float area = float(shape.pixels());
    for (std::size_t c = 0; c < channels; ++c) mean[c] /= area;
  }
}

void global_average_pool_backward(ImageShape shape, int images, std::span<const float> dy,
                                  std::span<float> dx) {
  const std::size_t channels = std::size_t(shape.channels);
  ensure(dx.size() == shape.elements() * std::size_t(images) &&
             dy.size() == channels * std::size_t(images),
         "pooling spans hold exactly their images");
  const float share = 1 / float(shape.pixels());
  float* __restrict pixel = dx.data();
  for (int image = 0; image < images; ++image) {
    const float* gradient = dy.data() + std::size_t(image) * channels;
    for (std::size_t p = 0; p < shape.pixels(); ++p, pixel += channels) {
      for (std::size_t c = 0; c < channels; ++c) pixel[c] = gradient[c] * share;
    }
  }
}

}  // namespace kernels
}  // namespace bitsweep
