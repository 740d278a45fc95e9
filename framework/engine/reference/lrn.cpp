#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "framework/engine/reference/reference.h"

namespace bitsweep::reference {
namespace {

struct Place {
  int h, w, c;
};

std::size_t at(ImageShape shape, Place p) {
  const std::size_t pixel =
      std::size_t(p.h) * std::size_t(shape.width) + std::size_t(p.w);
  return pixel * std::size_t(shape.channels) + std::size_t(p.c);
}

template <class Visit>
void for_each_place(ImageShape shape, Visit visit) {
  for (int h = 0; h < shape.height; ++h) {
    for (int w = 0; w < shape.width; ++w) {
      for (int c = 0; c < shape.channels; ++c) visit(Place{h, w, c});
    }
  }
}

// How far the window reaches from its middle, and the number its mean is over.
struct Window {
  Place reach;
  double area;
};

Window within(const ResponseNormalisation& lrn) {
  return {{lrn.size / 2, lrn.size / 2, 0}, double(lrn.size) * lrn.size};
}

Window across(const ResponseNormalisation& lrn) {
  return {{0, 0, lrn.size / 2}, double(lrn.size)};
}

double window_sum(ImageShape shape, const Window& window,
                  const std::vector<double>& values, Place middle) {
  const Place r = window.reach;
  double sum = 0;
  for (int h = std::max(0, middle.h - r.h);
       h <= std::min(shape.height - 1, middle.h + r.h); ++h) {
    for (int w = std::max(0, middle.w - r.w);
         w <= std::min(shape.width - 1, middle.w + r.w); ++w) {
      for (int c = std::max(0, middle.c - r.c);
           c <= std::min(shape.channels - 1, middle.c + r.c); ++c) {
        sum += values[at(shape, {h, w, c})];
      }
    }
  }
  return sum;
}

// s of every value of one image.
std::vector<double> denominators(ImageShape shape, const Window& window,
                                 const ResponseNormalisation& lrn,
                                 std::span<const float> x) {
  std::vector<double> squares(shape.elements()), s(shape.elements());
  for (std::size_t i = 0; i < squares.size(); ++i) squares[i] = double(x[i]) * x[i];
  for_each_place(shape, [&](Place p) {
    s[at(shape, p)] =
        lrn.k + lrn.alpha / window.area * window_sum(shape, window, squares, p);
  });
  return s;
}

void forward(ImageShape shape, int images, const Window& window,
             const ResponseNormalisation& lrn, std::span<const float> x,
             std::span<float> y) {
  const std::size_t n = shape.elements();
  for (int image = 0; image < images; ++image) {
    const auto in = x.subspan(std::size_t(image) * n, n);
    const auto out = y.subspan(std::size_t(image) * n, n);
    const auto s = denominators(shape, window, lrn, in);
    for (std::size_t i = 0; i < n; ++i) out[i] = float(in[i] * std::pow(s[i], -lrn.beta));
  }
}

// dx = dy s^-beta - 2 alpha beta / area * x * (sum over the windows that hold x of
// dy x s^(-beta - 1)).
void backward(ImageShape shape, int images, const Window& window,
              const ResponseNormalisation& lrn, std::span<const float> x,
              std::span<const float> dy, std::span<float> dx) {
  const std::size_t n = shape.elements();
  for (int image = 0; image < images; ++image) {
    const auto in = x.subspan(std::size_t(image) * n, n);
    const auto g = dy.subspan(std::size_t(image) * n, n);
    const auto out = dx.subspan(std::size_t(image) * n, n);
    const auto s = denominators(shape, window, lrn, in);
    std::vector<double> handed_back(n);
    for (std::size_t i = 0; i < n; ++i) {
      handed_back[i] = double(g[i]) * in[i] * std::pow(s[i], -lrn.beta - 1.0);
    }
    for_each_place(shape, [&](Place p) {
      const std::size_t i = at(shape, p);
      out[i] = float(g[i] * std::pow(s[i], -lrn.beta) -
                     2.0 * lrn.alpha * lrn.beta / window.area * in[i] *
                         window_sum(shape, window, handed_back, p));
    });
  }
}

}  // namespace

void lrn_within_forward(ImageShape shape, int images, const ResponseNormalisation& lrn,
                        std::span<const float> x, std::span<float> y, std::span<float>) {
  forward(shape, images, within(lrn), lrn, x, y);
}

void lrn_within_backward(ImageShape shape, int images, const ResponseNormalisation& lrn,
                         std::span<const float> x, std::span<const float> dy,
                         std::span<float> dx, std::span<float>) {
  backward(shape, images, within(lrn), lrn, x, dy, dx);
}

void lrn_across_forward(ImageShape shape, int images, const ResponseNormalisation& lrn,
                        std::span<const float> x, std::span<float> y, std::span<float>) {
  forward(shape, images, across(lrn), lrn, x, y);
}

void lrn_across_backward(ImageShape shape, int images, const ResponseNormalisation& lrn,
                         std::span<const float> x, std::span<const float> dy,
                         std::span<float> dx, std::span<float>) {
  backward(shape, images, across(lrn), lrn, x, dy, dx);
}

}  // namespace bitsweep::reference
