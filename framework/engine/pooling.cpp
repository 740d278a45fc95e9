#include "framework/engine/pooling.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>
#include <type_traits>

#include <fmt/format.h>

#include "framework/core/error.h"

namespace bitsweep {
namespace {

constexpr int kLargestWindow = 16;  // its places number 256, a byte's worth

bool fits(int size, const WindowSide& side) {
  return side.kernel >= 1 && side.kernel <= kLargestWindow && side.stride >= 1 &&
         side.before >= 0 && side.after >= 0 && side.before < side.kernel &&
         side.after < side.kernel && side.kernel <= size + side.before + side.after;
}

int pooled_size(int size, const WindowSide& side, bool ceil) {
  const int pooled = side.count(size + (ceil ? side.stride - 1 : 0));
  return side.start(pooled - 1) >= size ? pooled - 1 : pooled;
}

}  // namespace

PoolGeometry pool_geometry(ImageShape input, Sides kernel, Sides stride, Border pad,
                           bool ceil) {
  PoolGeometry g{input, {1, 1, input.channels}, kernel, stride, pad};
  if (!fits(input.height, down(g)) || !fits(input.width, along(g))) {
    throw ConfigError(fmt::format(
        "pooling: a window of {} with stride {} and border {} does not suit an image of "
        "{}x{}; expected a window of 1 to {} that fits, a stride of at least 1 and a "
        "border "
        "narrower than the window",
        kernel.text(), stride.text(), pad.text(), input.height, input.width,
        kLargestWindow));
  }
  g.output.height = pooled_size(input.height, down(g), ceil);
  g.output.width = pooled_size(input.width, along(g), ceil);
  return g;
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

Extent window_extent(int index, int size, const WindowSide& side) {
  const int start = side.start(index);
  const int stop = std::min(start + side.kernel, size + side.after);
  const int begin = std::max(start, 0);
  return {begin, std::min(stop, size), begin - start, stop - start};
}

void check_sizes(const PoolGeometry& g, int images, std::size_t inputs,
                 std::size_t outputs) {
  ensure(inputs == g.input.elements() * std::size_t(images) &&
             outputs == g.output.elements() * std::size_t(images),
         "pooling spans hold exactly their images");
}

// The channels of a pixel are worked on eight at a time, in a vector: the compiler finds
// none in the choice of a maximum and its place. The last eight overlap the ones before
// where channels are no multiple of eight, and are worked out twice. A pixel with fewer
// channels fills part of a vector.
constexpr std::size_t kVector = 8;
using Floats [[gnu::vector_size(kVector * sizeof(float))]] = float;
using Ints [[gnu::vector_size(kVector * sizeof(float))]] = std::int32_t;
using Bytes [[gnu::vector_size(kVector)]] = std::uint8_t;
using ManyBytes [[gnu::vector_size(kVector * sizeof(float))]] = std::uint8_t;
using Words [[gnu::vector_size(kVector * sizeof(float))]] = std::uint64_t;

template <class Vector, class Value, class Count>
Vector load(const Value* from, Count count) {
  Vector vector = {};
  std::memcpy(&vector, from, std::size_t(count) * sizeof(Value));
  return vector;
}

template <class Vector, class Value, class Count>
void store(Vector vector, Value* to, Count count) {
  std::memcpy(to, &vector, std::size_t(count) * sizeof(Value));
}

// Bytes to and from integers by shuffles, one instruction or two; what the compiler makes
// of a conversion is twenty.

Bytes narrowed(Ints places) {
  const auto bytes = ManyBytes(places);
  return __builtin_shufflevector(bytes, bytes, 0, 4, 8, 12, 16, 20, 24, 28);
}

template <class Count>
Ints load_places(const std::uint8_t* from, Count count) {
  std::uint64_t word = 0;
  std::memcpy(&word, from, std::size_t(count));
  const auto bytes = ManyBytes(Words{word, word, word, word});
  constexpr int z = sizeof(ManyBytes);  // the first byte of the zeros
  return Ints(
      __builtin_shufflevector(bytes, ManyBytes{},                  //
                              0, z, z, z, 1, z, z, z,              //
                              2, z, z, z, 3, z, z, z,              //
                              4 + 16, z, z, z, 5 + 16, z, z, z,    // from the upper half,
                              6 + 16, z, z, z, 7 + 16, z, z, z));  // no lane crossed
}

template <std::size_t n>
using Constant = std::integral_constant<std::size_t, n>;

/// Calls `block(first channel, count, done)`, where the first `done` of the block's
/// channels belonged to the block before; count is a constant to the compiler but for
/// pixels smaller than a vector.
template <class Block>
void for_channel_blocks(std::size_t channels, Block block) {
  if (channels < kVector) return block(std::size_t{0}, channels, 0);
  const std::size_t last = channels - kVector;
  std::size_t c = 0;
  for (; c <= last; c += kVector) block(c, Constant<kVector>{}, 0);
  if (c < channels) block(last, Constant<kVector>{}, int(c - last));
}

// Zero in the channels that are done: adding the rest leaves those as they are.
Floats without_done(Floats values, int done) {
  const Ints lane = {0, 1, 2, 3, 4, 5, 6, 7};
  return lane >= done ? values : Floats{};
}

/// The part of one window that lies in the image. Offsets are in floats from the start of
/// the batch.
struct Window {
  std::size_t in;        // its first value
  std::size_t out;       // its pooled value
  std::size_t row;       // from row to row of the image
  std::size_t channels;  // from pixel to pixel
  int first_place;
  int kernel_width;
  float area;

  std::size_t pixel(std::size_t h, std::size_t w) const {
    return in + h * row + w * channels;
  }
  int place(std::size_t h, std::size_t w) const {
    return first_place + int(h) * kernel_width + int(w);
  }
};

/// Calls `pool(window, height, width)` for each output pixel; height and width are
/// constants to the compiler where they are 2 or 3.
template <class Pool>
void for_each_window(const PoolGeometry& g, int images, Pool pool) {
  const std::size_t channels = std::size_t(g.input.channels);
  const std::size_t row = channels * std::size_t(g.input.width);
  std::size_t in = 0, out = 0;
  for (int image = 0; image < images; ++image, in += g.input.elements()) {
    for (int h = 0; h < g.output.height; ++h) {
      const Extent rows = window_extent(h, g.input.height, down(g));
      for (int w = 0; w < g.output.width; ++w, out += channels) {
        const Extent columns = window_extent(w, g.input.width, along(g));
        const Window window = {.in = in + std::size_t(rows.begin) * row +
                                     std::size_t(columns.begin) * channels,
                               .out = out,
                               .row = row,
                               .channels = channels,
                               .first_place = rows.place * g.kernel.width + columns.place,
                               .kernel_width = g.kernel.width,
                               .area = float(rows.length * columns.length)};
        const auto height = std::size_t(rows.end - rows.begin);
        const auto width = std::size_t(columns.end - columns.begin);
        if (height == 2 && width == 2) {
          pool(window, Constant<2>{}, Constant<2>{});
        } else if (height == 3 && width == 3) {
          pool(window, Constant<3>{}, Constant<3>{});
        } else {
          pool(window, height, width);
        }
      }
    }
  }
}

}  // namespace

void max_pool_forward(const PoolGeometry& g, int images, std::span<const float> x,
                      std::span<float> y, std::span<std::uint8_t> argmax) {
  check_sizes(g, images, x.size(), y.size());
  ensure(argmax.size() == y.size(), "each maximum has its place");
  const auto pool = [&](const Window& window, auto height, auto width) {
    for_channel_blocks(window.channels, [&](std::size_t c, auto count, int) {
      Floats best = load<Floats>(x.data() + window.in + c, count);
      Ints place = Ints{} + window.first_place;
      for (std::size_t h = 0; h < height; ++h) {
        for (std::size_t w = h == 0; w < width; ++w) {
          const auto here = load<Floats>(x.data() + window.pixel(h, w) + c, count);
          const Ints wins = (here > best) | (here != here);
          best = wins ? here : best;
          place = wins ? Ints{} + window.place(h, w) : place;
        }
      }
      store(best, y.data() + window.out + c, count);
      store(narrowed(place), argmax.data() + window.out + c, count);
    });
  };
  for_each_window(g, images, pool);
}

namespace {

// y = each window's values put together by `larger`, in their order, from `least` on.
template <class Vector, class Value, class Larger>
void pool_maxima(const PoolGeometry& g, int images, std::span<const Value> x,
                 std::span<Value> y, Value least, Larger larger) {
  check_sizes(g, images, x.size(), y.size());
  const std::size_t depth = std::size_t(g.input.channels);
  const std::size_t row_size = std::size_t(g.input.width) * depth;
  const Value* image = x.data();
  Value* out = y.data();
  for (int i = 0; i < images; ++i, image += g.input.elements()) {
    for (int row = 0; row < g.output.height; ++row) {
      const Extent rows = window_extent(row, g.input.height, down(g));
      for (int column = 0; column < g.output.width; ++column, out += depth) {
        const Extent columns = window_extent(column, g.input.width, along(g));
        const Value* const first = image + std::size_t(rows.begin) * row_size +
                                   std::size_t(columns.begin) * depth;
        for_channel_blocks(depth, [&](std::size_t c, auto count, int /*done*/) {
          Vector largest = Vector{} + least;
          const Value* line = first + c;
          for (int h = rows.begin; h < rows.end; ++h, line += row_size) {
            const Value* pixel = line;
            for (int w = columns.begin; w < columns.end; ++w, pixel += depth) {
              largest = larger(largest, load<Vector>(pixel, count));
            }
          }
          store(largest, out + c, count);
        });
      }
    }
  }
}

}  // namespace

void max_pool(const PoolGeometry& g, int images, std::span<const float> x,
              std::span<float> y) {
  pool_maxima<Floats>(g, images, x, y, -std::numeric_limits<float>::infinity(),
                      [](Floats a, Floats b) { return (a >= b) | (a != a) ? a : b; });
}

void max_pool(const PoolGeometry& g, int images, std::span<const std::int32_t> x,
              std::span<std::int32_t> y) {
  pool_maxima<Ints>(g, images, x, y, std::numeric_limits<std::int32_t>::min(),
                    [](Ints a, Ints b) { return a > b ? a : b; });
}

void max_pool_backward(const PoolGeometry& g, int images, std::span<const float> dy,
                       std::span<const std::uint8_t> argmax, std::span<float> dx) {
  check_sizes(g, images, dx.size(), dy.size());
  ensure(argmax.size() == dy.size(), "each maximum has its place");
  std::fill(dx.begin(), dx.end(), 0.0f);
  const auto pool = [&](const Window& window, auto height, auto width) {
    for_channel_blocks(window.channels, [&](std::size_t c, auto count, int done) {
      const Floats gradient =
          without_done(load<Floats>(dy.data() + window.out + c, count), done);
      const Ints chosen = load_places(argmax.data() + window.out + c, count);
      for (std::size_t h = 0; h < height; ++h) {
        for (std::size_t w = 0; w < width; ++w) {
          float* to = dx.data() + window.pixel(h, w) + c;
          const Ints is_here = chosen == window.place(h, w);
          store(load<Floats>(to, count) + (is_here ? gradient : Floats{}), to, count);
        }
      }
    });
  };
  for_each_window(g, images, pool);
}

void average_pool_forward(const PoolGeometry& g, int images, std::span<const float> x,
                          std::span<float> y) {
  check_sizes(g, images, x.size(), y.size());
  const auto pool = [&](const Window& window, auto height, auto width) {
    for_channel_blocks(window.channels, [&](std::size_t c, auto count, int) {
      Floats sum = {};
      for (std::size_t h = 0; h < height; ++h) {
        for (std::size_t w = 0; w < width; ++w) {
          sum += load<Floats>(x.data() + window.pixel(h, w) + c, count);
        }
      }
      store(sum / window.area, y.data() + window.out + c, count);
    });
  };
  for_each_window(g, images, pool);
}

void average_pool_backward(const PoolGeometry& g, int images, std::span<const float> dy,
                           std::span<float> dx) {
  check_sizes(g, images, dx.size(), dy.size());
  std::fill(dx.begin(), dx.end(), 0.0f);
  const auto pool = [&](const Window& window, auto height, auto width) {
    const float share = 1 / window.area;
    for_channel_blocks(window.channels, [&](std::size_t c, auto count, int done) {
      const Floats gradient =
          without_done(load<Floats>(dy.data() + window.out + c, count) * share, done);
      for (std::size_t h = 0; h < height; ++h) {
        for (std::size_t w = 0; w < width; ++w) {
          float* to = dx.data() + window.pixel(h, w) + c;
          store(load<Floats>(to, count) + gradient, to, count);
        }
      }
    });
  };
  for_each_window(g, images, pool);
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
