#include <algorithm>
#include <cstddef>

#include "framework/engine/reference/reference.h"

namespace bitsweep::reference {
namespace {

float relu(float v) { return v < 0 ? 0.0f : v; }

float affine_at(std::span<const float> x, const ChannelAffine& affine, std::size_t i) {
  const std::size_t c = i % affine.scale.size();
  return x[i] * affine.scale[c] + affine.shift[c];
}

// The sums of dy(i) and dy(i) * xhat(i), in double.
template <class Gradient>
void backward_sums(std::span<const float> x, const ChannelMoments& moments,
                   const ChannelSums& sums, Gradient dy) {
  const std::size_t channels = moments.mean.size();
  std::fill(sums.dy.begin(), sums.dy.end(), 0.0);
  std::fill(sums.dy_xhat.begin(), sums.dy_xhat.end(), 0.0);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::size_t c = i % channels;
    const double xhat = (double(x[i]) - moments.mean[c]) * moments.inverse_deviation[c];
    sums.dy[c] += dy(i);
    sums.dy_xhat[c] += dy(i) * xhat;
  }
}

}  // namespace

void batch_statistics(std::span<const float> x, std::span<const float> around,
                      std::span<double> sum, std::span<double> sum_of_squares) {
  std::fill(sum.begin(), sum.end(), 0.0);
  std::fill(sum_of_squares.begin(), sum_of_squares.end(), 0.0);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::size_t c = i % around.size();
    const double v = double(x[i]) - around[c];
    sum[c] += v;
    sum_of_squares[c] += v * v;
  }
}

void normalise(std::span<const float> x, const ChannelAffine& affine,
               std::span<float> y) {
  for (std::size_t i = 0; i < x.size(); ++i) y[i] = affine_at(x, affine, i);
}

void normalise_relu(std::span<const float> x, const ChannelAffine& affine,
                    std::span<float> y) {
  for (std::size_t i = 0; i < x.size(); ++i) y[i] = relu(affine_at(x, affine, i));
}

void normalise_add_relu(std::span<const float> x, const ChannelAffine& affine,
                        std::span<const float> addend, std::span<float> y) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    y[i] = relu(affine_at(x, affine, i) + addend[i]);
  }
}

void normalise_backward_sums(std::span<const float> x, std::span<const float> dy,
                             const ChannelMoments& moments, const ChannelSums& sums) {
  backward_sums(x, moments, sums, [&](std::size_t i) { return double(dy[i]); });
}

void normalise_relu_backward_sums(std::span<const float> x, std::span<const float> dy,
                                  const ChannelAffine& affine,
                                  const ChannelMoments& moments,
                                  const ChannelSums& sums) {
  backward_sums(x, moments, sums, [&](std::size_t i) {
    return affine_at(x, affine, i) > 0 ? double(dy[i]) : 0.0;
  });
}

void normalise_add_relu_backward_sums(std::span<const float> x, std::span<const float> y,
                                      std::span<float> dy, const ChannelMoments& moments,
                                      const ChannelSums& sums) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!(y[i] > 0)) dy[i] = 0;
  }
  normalise_backward_sums(x, dy, moments, sums);
}

void normalise_backward(std::span<const float> x, std::span<const float> dy,
                        const ChannelGradient& gradient, std::span<float> dx) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::size_t c = i % gradient.scale.size();
    dx[i] = gradient.scale[c] * dy[i] + gradient.slope[c] * x[i] + gradient.constant[c];
  }
}

void normalise_relu_backward(std::span<const float> x, std::span<const float> dy,
                             const ChannelGradient& gradient,
                             std::span<const float> shift, std::span<float> dx) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::size_t c = i % gradient.scale.size();
    const float g = affine_at(x, {gradient.scale, shift}, i) > 0 ? dy[i] : 0.0f;
    dx[i] = gradient.scale[c] * g + gradient.slope[c] * x[i] + gradient.constant[c];
  }
}

}  // namespace bitsweep::reference
