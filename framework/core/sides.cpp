#include "framework/core/sides.h"

#include <algorithm>

#include <fmt/format.h>

namespace bitsweep {
namespace {

int whole_border(int size, int kernel, int stride) {
  const int outputs = (size + stride - 1) / stride;
  return std::max(0, (outputs - 1) * stride + kernel - size);
}

}  // namespace

std::string Sides::text() const {
  return height == width ? fmt::format("{}", height)
                         : fmt::format("{}x{}", height, width);
}

std::string Border::text() const {
  if (*this == Border(top)) return fmt::format("{}", top);
  if (top == bottom && left == right) return fmt::format("{}x{}", top, left);
  return fmt::format("{},{},{},{}", top, left, bottom, right);
}

Border Padding::around(ImageShape image, Sides kernel, Sides stride) const {
  if (!is_same) return border;
  const int rows = whole_border(image.height, kernel.height, stride.height);
  const int columns = whole_border(image.width, kernel.width, stride.width);
  return {rows / 2, columns / 2, rows - rows / 2, columns - columns / 2};
}

}  // namespace bitsweep
