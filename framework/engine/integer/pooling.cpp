#include "framework/engine/integer/pooling.h"

#include <algorithm>
#include <cstddef>
#include <limits>

namespace bitsweep {
namespace {

// Positions [begin, end) of one side that lie inside the image, of a window whose length
// counts the border.
struct Extent {
  int begin, end, length;
};

Extent extent_of(int index, int size, const WindowSide& side) {
  const int start = side.start(index);
  const int stop = std::min(start + side.kernel, size + side.after);
  return {std::max(start, 0), std::min(stop, size), stop - start};
}

}  // namespace

std::vector<int> window_areas(const PoolGeometry& g) {
  std::vector<int> areas;
  for (int row = 0; row < g.output.height; ++row) {
    for (int column = 0; column < g.output.width; ++column) {
      areas.push_back(extent_of(row, g.input.height, down(g)).length *
                      extent_of(column, g.input.width, along(g)).length);
    }
  }
  return areas;
}

namespace kernels {
namespace {

// y = the window's values put together by `join(y, x)`, beginning with `first`.
template <class Code, class Result, class Join>
void pool(const PoolGeometry& g, int images, const Code* x, Result first, Result* y,
          Join join) {
  const std::size_t depth = std::size_t(g.input.channels);
  for (int image = 0; image < images; ++image, x += g.input.elements()) {
    for (int row = 0; row < g.output.height; ++row) {
      const Extent rows = extent_of(row, g.input.height, down(g));
      for (int column = 0; column < g.output.width; ++column, y += depth) {
        const Extent columns = extent_of(column, g.input.width, along(g));
        Result* __restrict to = y;
        std::fill(to, to + depth, first);
        for (int h = rows.begin; h < rows.end; ++h) {
          for (int w = columns.begin; w < columns.end; ++w) {
            const Code* __restrict pixel =
                x + (std::size_t(h) * g.input.width + w) * depth;
            for (std::size_t c = 0; c < depth; ++c) to[c] = join(to[c], pixel[c]);
          }
        }
      }
    }
  }
}

}  // namespace

template <class Code>
void max_pool_codes(const PoolGeometry& geometry, int images, std::span<const Code> x,
                    std::span<Code> y) {
  pool(geometry, images, x.data(), std::numeric_limits<Code>::min(), y.data(),
       [](Code a, Code b) { return a > b ? a : b; });
}

template <class Code>
void sum_pool_codes(const PoolGeometry& geometry, int images, std::span<const Code> x,
                    int zero_point, std::span<std::int32_t> y) {
  pool(geometry, images, x.data(), std::int32_t{0}, y.data(),
       [zero_point](std::int32_t sum, Code code) { return sum + (code - zero_point); });
}

template <class Code>
void global_sum_codes(ImageShape shape, int images, std::span<const Code> x,
                      int zero_point, std::span<std::int32_t> y) {
  const std::size_t depth = std::size_t(shape.channels);
  const Code* pixel = x.data();
  for (std::size_t image = 0; image < std::size_t(images); ++image) {
    std::int32_t* __restrict to = y.data() + image * depth;
    std::fill(to, to + depth, 0);
    for (std::size_t i = 0; i < shape.pixels(); ++i, pixel += depth) {
      for (std::size_t c = 0; c < depth; ++c) to[c] += pixel[c] - zero_point;
    }
  }
}

template <class Code>
void relu_codes(std::span<const Code> x, int zero_point, std::span<Code> y) {
  const Code zero = Code(zero_point);
  for (std::size_t i = 0; i < x.size(); ++i) y[i] = x[i] > zero ? x[i] : zero;
}

void look_up(std::span<const std::uint8_t> x, std::span<const float> levels,
             std::span<float> y) {
  float table[256];
  std::fill(table, table + 256, std::numeric_limits<float>::quiet_NaN());
  std::copy(levels.begin(),
            levels.begin() + std::ptrdiff_t(std::min<std::size_t>(levels.size(), 256)),
            table);
  for (std::size_t i = 0; i < x.size(); ++i) y[i] = table[x[i]];
}

#define BITSWEEP_FOR_CODE(Code)                                                      \
  template void max_pool_codes(const PoolGeometry&, int, std::span<const Code>,      \
                               std::span<Code>);                                     \
  template void sum_pool_codes(const PoolGeometry&, int, std::span<const Code>, int, \
                               std::span<std::int32_t>);                             \
  template void global_sum_codes(ImageShape, int, std::span<const Code>, int,        \
                                 std::span<std::int32_t>);                           \
  template void relu_codes(std::span<const Code>, int, std::span<Code>);
BITSWEEP_FOR_CODE(std::uint8_t)
BITSWEEP_FOR_CODE(std::int8_t)
#undef BITSWEEP_FOR_CODE

}  // namespace kernels
}  // namespace bitsweep
