// Numbers that differ by side: what windows over an image are made of.
#pragma once

#include <string>

#include "framework/core/tensor.h"

namespace bitsweep {

/// One number down the height of an image, one along its width; a single number is both.
struct Sides {
  int height = 1;
  int width = 1;

  constexpr Sides() = default;
  constexpr Sides(int both) : height(both), width(both) {}
  constexpr Sides(int down, int along) : height(down), width(along) {}

  constexpr int area() const { return height * width; }
  constexpr int least() const { return height < width ? height : width; }
  constexpr int most() const { return height < width ? width : height; }
  /// "3", or "3x1".
  std::string text() const;
  friend constexpr bool operator==(const Sides&, const Sides&) = default;
};

/// Pixels that lie around an image; a single number is all four sides.
struct Border {
  int top = 0;
  int left = 0;
  int bottom = 0;
  int right = 0;

  constexpr Border() = default;
  constexpr Border(int all) : top(all), left(all), bottom(all), right(all) {}
  constexpr Border(int above, int before, int below, int behind)
      : top(above), left(before), bottom(below), right(behind) {}

  constexpr int height() const { return top + bottom; }
  constexpr int width() const { return left + right; }
  constexpr int least() const { return Sides(ends(false)).least(); }
  constexpr int most() const { return Sides(ends(true)).most(); }
  /// "1", "1x0" (above and below, left and right), or "0,1,1,0" (top, left, bottom,
  /// right).
  std::string text() const;
  friend constexpr bool operator==(const Border&, const Border&) = default;

 private:
  constexpr Sides ends(bool farther) const {
    const Sides rows(top, bottom), columns(left, right);
    return farther ? Sides(rows.most(), columns.most())
                   : Sides(rows.least(), columns.least());
  }
};

/// A border as it is asked for: of so many pixels, or as many as it takes.
struct Padding {
  Border border = {};
  /// Outputs as many as inputs, over the stride, rounded up; where the border is odd, the
  /// pixel more is at the bottom and the right (TensorFlow's SAME).
  bool is_same = false;

  constexpr Padding() = default;
  constexpr Padding(Border given) : border(given) {}
  constexpr Padding(int all) : border(all) {}
  static constexpr Padding same() {
    Padding padding;
    padding.is_same = true;
    return padding;
  }

  Border around(ImageShape image, Sides kernel, Sides stride) const;
  friend constexpr bool operator==(const Padding&, const Padding&) = default;
};

/// A window along one side of an image: where it begins and how far it moves.
struct WindowSide {
  int kernel, stride;
  int before, after;  // of the border

  /// The place of window `index`; before the image it is negative.
  constexpr int start(int index) const { return index * stride - before; }
  /// How many windows lie within `size` pixels and their border.
  constexpr int count(int size) const {
    return (size + before + after - kernel) / stride + 1;
  }
  friend constexpr bool operator==(const WindowSide&, const WindowSide&) = default;
};

/// Of anything with `kernel`, `stride` and `pad`.
template <class Geometry>
constexpr WindowSide down(const Geometry& g) {
  return {g.kernel.height, g.stride.height, g.pad.top, g.pad.bottom};
}
template <class Geometry>
constexpr WindowSide along(const Geometry& g) {
  return {g.kernel.width, g.stride.width, g.pad.left, g.pad.right};
}

}  // namespace bitsweep
