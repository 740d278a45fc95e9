// Shapes on which integer convolutions are compared.
#pragma once

#include <cstdint>
#include <ostream>
#include <vector>

#include "framework/core/random.h"
#include "framework/engine/convolution.h"

namespace bitsweep {

struct IntegerCase {
  int channels, filters, height, width;
  Sides kernel, stride;
  Border pad;
  int groups;

  friend std::ostream& operator<<(std::ostream& out, const IntegerCase& c) {
    return out << c.channels << " -> " << c.filters << ", " << c.height << "x" << c.width
               << ", kernel " << c.kernel.text() << ", stride " << c.stride.text()
               << ", pad " << c.pad.text() << ", groups " << c.groups;
  }
};

inline ConvolutionGeometry geometry_of(const IntegerCase& c) {
  const ImageShape input{c.height, c.width, c.channels};
  return {.input = input,
          .output = convolution_output(input, c.filters, c.kernel, c.stride, c.pad),
          .kernel = c.kernel,
          .stride = c.stride,
          .pad = c.pad,
          .groups = c.groups};
}

/// Every kernel, stride and border once with each number of channels; the number of
/// filters runs through the same list. Then groups, and sizes that do not fit vectors.
inline std::vector<IntegerCase> integer_cases() {
  const int sizes[] = {1, 3, 7, 8, 9, 16, 17, 31, 33, 64};
  std::vector<IntegerCase> cases;
  std::size_t next = 3;
  for (const int channels : sizes) {
    for (const int kernel : {1, 3, 5}) {
      for (const int stride : {1, 2}) {
        for (int pad = 0; pad <= kernel / 2; ++pad) {
          cases.push_back({channels, sizes[next++ % 10], 6, 5, kernel, stride, pad, 1});
        }
      }
    }
  }
  for (const int kernel : {1, 3, 5}) {
    cases.push_back({64, 64, 5, 7, kernel, 1, kernel / 2, 64});
    cases.push_back({33, 33, 5, 5, kernel, 2, kernel / 2, 33});
    cases.push_back({16, 32, 5, 5, kernel, 1, kernel / 2, 2});
    cases.push_back({9, 18, 5, 6, kernel, 1, kernel / 2, 3});
    cases.push_back({64, 20, 5, 6, kernel, 2, 0, 4});
  }
  for (const int channels : {3, 16, 33, 64}) {
    cases.push_back({channels, 17, 6, 5, {3, 1}, 1, {1, 0, 1, 0}, 1});
    cases.push_back({channels, 16, 5, 8, {1, 5}, {2, 1}, {0, 2, 0, 2}, 1});
    cases.push_back({channels, 9, 6, 7, {2, 4}, {1, 3}, {0, 1, 1, 3}, 1});
    cases.push_back({channels, channels, 6, 5, {3, 1}, {2, 1}, {0, 0, 2, 0}, channels});
    cases.push_back({channels, 12, 4, 7, {4, 7}, 1, 0, 1});
  }
  cases.push_back({32, 64, 1, 1, 1, 1, 0, 1});
  cases.push_back({800, 10, 1, 1, 1, 1, 0, 1});
  cases.push_back({20, 50, 8, 8, 8, 1, 0, 1});
  cases.push_back({128, 130, 2, 2, 3, 1, 1, 1});
  cases.push_back({70, 5, 3, 3, 3, 1, 2, 1});
  return cases;
}

inline std::uint8_t random_byte(std::size_t i, const char* purpose) {
  const RandomStream random(1, purpose);
  return std::uint8_t(256 * random.uniform_at(std::uint32_t(i)));
}

}  // namespace bitsweep
