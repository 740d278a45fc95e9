#include "framework/engine/lrn.h"

#include <algorithm>
#include <cmath>

#include "framework/core/error.h"

namespace bitsweep {

std::size_t within_channel_scratch(ImageShape shape, const ResponseNormalisation& lrn) {
  const std::size_t row = std::size_t(shape.width) * std::size_t(shape.channels);
  return 2 * shape.elements() + std::size_t(lrn.size - 1) * row;
}

std::size_t across_channels_scratch(ImageShape shape, const ResponseNormalisation& lrn) {
  return 2 * std::size_t(shape.channels) + std::size_t(lrn.size - 1);
}

namespace kernels {
namespace {

// s^-beta, by two square roots for the beta of every published network.
struct ThreeQuarterPower {
  float operator()(float s) const {
    const float root = std::sqrt(s);
    return 1 / (root * std::sqrt(root));
  }
};

struct AnyPower {
  float beta;
  float operator()(float s) const { return std::pow(s, -beta); }
};

template <class Body>
void with_power(float beta, Body body) {
  if (beta == 0.75f) {
    body(ThreeQuarterPower{});
  } else {
    body(AnyPower{beta});
  }
}

// sums[i] = values[i] + values[i + step] + ... , `count` values, in one pass.
template <int count>
void fixed_strided_sums(const float* __restrict values, std::size_t step, std::size_t n,
                        float* __restrict sums) {
  for (std::size_t i = 0; i < n; ++i) {
    float sum = values[i];
#pragma GCC unroll 8
    for (int k = 1; k < count; ++k) sum += values[i + std::size_t(k) * step];
    sums[i] = sum;
  }
}

void strided_sums(const float* __restrict values, std::size_t step, int count,
                  std::size_t n, float* __restrict sums) {
  if (count == 3) return fixed_strided_sums<3>(values, step, n, sums);
  if (count == 5) return fixed_strided_sums<5>(values, step, n, sums);
  std::copy(values, values + n, sums);
  for (int k = 1; k < count; ++k) {
    const float* more = values + std::size_t(k) * step;
    for (std::size_t i = 0; i < n; ++i) sums[i] += more[i];
  }
}

// What both kinds of window share, over `n` values whose window sums are known.

template <class Power>
void respond(float k, float weight, Power power, const float* x, const float* sums,
             std::size_t n, float* y) {
#pragma GCC ivdep
  for (std::size_t i = 0; i < n; ++i) y[i] = x[i] * power(k + weight * sums[i]);
}

// The part of the gradient that goes straight through, and what each window hands back to
// all its values: dy * x * s^(-beta - 1).
template <class Power>
void direct_gradient(float k, float weight, Power power, const float* x, const float* dy,
                     const float* sums, std::size_t n, float* dx, float* handed_back) {
#pragma GCC ivdep
  for (std::size_t i = 0; i < n; ++i) {
    const float s = k + weight * sums[i];
    const float direct = dy[i] * power(s);
    handed_back[i] = direct * x[i] / s;
    dx[i] = direct;
  }
}

void window_gradient(float factor, const float* __restrict x,
                     const float* __restrict sums, std::size_t n, float* __restrict dx) {
  for (std::size_t i = 0; i < n; ++i) dx[i] -= factor * x[i] * sums[i];
}

void square(const float* __restrict x, std::size_t n, float* __restrict squares) {
  for (std::size_t i = 0; i < n; ++i) squares[i] = x[i] * x[i];
}

void check_call(ImageShape shape, int images, const ResponseNormalisation& lrn,
                std::size_t in, std::size_t out, std::size_t scratch,
                std::size_t needed) {
  ensure(lrn.size % 2 == 1, "a response window has a middle");
  ensure(in == shape.elements() * std::size_t(images) && out == in,
         "response normalisation spans hold exactly their images");
  ensure(scratch >= needed, "the caller gives the scratch that is asked for");
}

/// Sums over size x size windows of one image, separately over columns and rows. The
/// column sums stand between rows of zeros, for what is above and below the image.
class PlaneWindows {
 public:
  PlaneWindows(ImageShape shape, int size, float* scratch)
      : rows_(std::size_t(shape.height)),
        row_(std::size_t(shape.width) * std::size_t(shape.channels)),
        channels_(std::size_t(shape.channels)),
        size_(size),
        plane_(scratch),
        padded_(scratch + rows_ * row_) {
    const std::size_t border = half() * row_;
    std::fill(padded_, padded_ + border, 0.0f);
    std::fill(padded_ + border + rows_ * row_, padded_ + 2 * border + rows_ * row_, 0.0f);
  }

  std::size_t rows() const { return rows_; }
  std::size_t row_size() const { return row_; }

  /// Where the values to sum are put, before `gather`.
  float* plane() { return plane_; }

  /// After it the plane is free to hold something else.
  void gather() {
    for (std::size_t r = 0; r < rows_; ++r) {
      column_sums(plane_ + r * row_, padded_ + (half() + r) * row_);
    }
  }

  void window_sums(std::size_t row, float* __restrict sums) const {
    strided_sums(padded_ + row * row_, row_, size_, row_, sums);
  }

 private:
  std::size_t half() const { return std::size_t(size_ / 2); }

  void column_sums(const float* __restrict values, float* __restrict sums) const {
    std::copy(values, values + row_, sums);
    for (std::size_t k = 1; k <= half() && k * channels_ < row_; ++k) {
      const std::size_t step = k * channels_;
      for (std::size_t i = 0; i < row_ - step; ++i) sums[i] += values[i + step];
      for (std::size_t i = step; i < row_; ++i) sums[i] += values[i - step];
    }
  }

  std::size_t rows_;
  std::size_t row_;
  std::size_t channels_;
  int size_;
  float* plane_;   // [rows, row]
  float* padded_;  // [half + rows + half, row]
};

/// Sums over `size` neighbouring channels of one pixel, which stands between zeros.
class ChannelWindows {
 public:
  ChannelWindows(ImageShape shape, int size, float* scratch)
      : channels_(std::size_t(shape.channels)),
        size_(size),
        sums_(scratch),
        padded_(scratch + channels_) {
    std::fill(padded_, padded_ + channels_ + std::size_t(size - 1), 0.0f);
  }

  /// Where the values to sum are put, before `window_sums`.
  float* pixel() { return padded_ + size_ / 2; }

  const float* window_sums() {
    strided_sums(padded_, 1, size_, channels_, sums_);
    return sums_;
  }

 private:
  std::size_t channels_;
  int size_;
  float* sums_;    // [channels]
  float* padded_;  // [half + channels + half]
};

}  // namespace

void lrn_within_forward(ImageShape shape, int images, const ResponseNormalisation& lrn,
                        std::span<const float> x, std::span<float> y,
                        std::span<float> scratch) {
  check_call(shape, images, lrn, x.size(), y.size(), scratch.size(),
             within_channel_scratch(shape, lrn));
  PlaneWindows windows(shape, lrn.size, scratch.data());
  const float weight = lrn.alpha / float(lrn.size * lrn.size);
  with_power(lrn.beta, [&](auto power) {
    for (int image = 0; image < images; ++image) {
      const std::size_t first = std::size_t(image) * shape.elements();
      square(x.data() + first, shape.elements(), windows.plane());
      windows.gather();
      const std::size_t n = windows.row_size();
      for (std::size_t r = 0; r < windows.rows(); ++r) {
        const std::size_t begin = first + r * n;
        windows.window_sums(r, windows.plane());
        respond(lrn.k, weight, power, x.data() + begin, windows.plane(), n,
                y.data() + begin);
      }
    }
  });
}

void lrn_within_backward(ImageShape shape, int images, const ResponseNormalisation& lrn,
                         std::span<const float> x, std::span<const float> dy,
                         std::span<float> dx, std::span<float> scratch) {
  check_call(shape, images, lrn, x.size(), dx.size(), scratch.size(),
             within_channel_scratch(shape, lrn));
  PlaneWindows windows(shape, lrn.size, scratch.data());
  const float weight = lrn.alpha / float(lrn.size * lrn.size);
  with_power(lrn.beta, [&](auto power) {
    for (int image = 0; image < images; ++image) {
      const std::size_t first = std::size_t(image) * shape.elements();
      const std::size_t n = windows.row_size();
      square(x.data() + first, shape.elements(), windows.plane());
      windows.gather();
      for (std::size_t r = 0; r < windows.rows(); ++r) {
        const std::size_t begin = first + r * n;
        float* row = windows.plane() + r * n;
        windows.window_sums(r, row);
        direct_gradient(lrn.k, weight, power, x.data() + begin, dy.data() + begin, row, n,
                        dx.data() + begin, row);
      }
      windows.gather();
      for (std::size_t r = 0; r < windows.rows(); ++r) {
        const std::size_t begin = first + r * n;
        windows.window_sums(r, windows.plane());
        window_gradient(2 * lrn.beta * weight, x.data() + begin, windows.plane(), n,
                        dx.data() + begin);
      }
    }
  });
}

void lrn_across_forward(ImageShape shape, int images, const ResponseNormalisation& lrn,
                        std::span<const float> x, std::span<float> y,
                        std::span<float> scratch) {
  check_call(shape, images, lrn, x.size(), y.size(), scratch.size(),
             across_channels_scratch(shape, lrn));
  ChannelWindows windows(shape, lrn.size, scratch.data());
  const float weight = lrn.alpha / float(lrn.size);
  const std::size_t n = std::size_t(shape.channels);
  with_power(lrn.beta, [&](auto power) {
    for (std::size_t begin = 0; begin < x.size(); begin += n) {
      square(x.data() + begin, n, windows.pixel());
      respond(lrn.k, weight, power, x.data() + begin, windows.window_sums(), n,
              y.data() + begin);
    }
  });
}

void lrn_across_backward(ImageShape shape, int images, const ResponseNormalisation& lrn,
                         std::span<const float> x, std::span<const float> dy,
                         std::span<float> dx, std::span<float> scratch) {
  check_call(shape, images, lrn, x.size(), dx.size(), scratch.size(),
             across_channels_scratch(shape, lrn));
  ChannelWindows windows(shape, lrn.size, scratch.data());
  const float weight = lrn.alpha / float(lrn.size);
  const std::size_t n = std::size_t(shape.channels);
  with_power(lrn.beta, [&](auto power) {
    for (std::size_t begin = 0; begin < x.size(); begin += n) {
      square(x.data() + begin, n, windows.pixel());
      direct_gradient(lrn.k, weight, power, x.data() + begin, dy.data() + begin,
                      windows.window_sums(), n, dx.data() + begin, windows.pixel());
      window_gradient(2 * lrn.beta * weight, x.data() + begin, windows.window_sums(), n,
                      dx.data() + begin);
    }
  });
}

}  // namespace kernels
}  // namespace bitsweep
