#include <algorithm>
#include <cmath>
#include <cstddef>

#include "framework/core/error.h"
#include "framework/engine/reference/reference.h"

namespace bitsweep::reference {
namespace {

double slope(StraightThrough rule, double x, double low, double high) {
  constexpr double b = 5;
  switch (rule) {
    case StraightThrough::kIdentity:
      return 1;
    case StraightThrough::kClip1:
      return std::abs(x) <= 1;
    case StraightThrough::kRange:
      return low < x && x < high;
    case StraightThrough::kPolynomial:
      return std::abs(x) <= 1 ? 2 - 2 * std::abs(x) : 0;
    case StraightThrough::kSwish:
      return b * (2 - b * x * std::tanh(b * x / 2)) / (1 + std::cosh(b * x));
  }
  return 0;
}

}  // namespace

void relu_forward(std::span<const float> x, std::span<float> y) {
  for (std::size_t i = 0; i < x.size(); ++i) y[i] = x[i] < 0 ? 0.0f : x[i];
}

void relu_backward(std::span<const float> y, std::span<const float> dy,
                   std::span<float> dx) {
  for (std::size_t i = 0; i < y.size(); ++i) dx[i] = y[i] > 0 ? dy[i] : 0.0f;
}

void hard_tanh_forward(std::span<const float> x, std::span<float> y) {
  for (std::size_t i = 0; i < x.size(); ++i) y[i] = std::clamp(x[i], -1.0f, 1.0f);
}

void hard_tanh_backward(std::span<const float> x, std::span<const float> dy,
                        std::span<float> dx) {
  for (std::size_t i = 0; i < x.size(); ++i) dx[i] = std::abs(x[i]) <= 1 ? dy[i] : 0.0f;
}

void dropout(std::span<const float> x, float rate, const RandomStream& random,
             std::uint32_t offset, std::span<float> y) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    const bool is_kept = random.uniform_at(offset + std::uint32_t(i)) >= rate;
    y[i] = is_kept ? x[i] * (1 / (1 - rate)) : 0.0f;
  }
}

void straight_through(StraightThrough rule, std::span<const float> x,
                      std::span<const float> dy, float low, float high,
                      std::span<float> dx) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    dx[i] = float(dy[i] * slope(rule, x[i], low, high));
  }
}

void fake_quantize(std::span<const float> x, const UniformQuantization& q,
                   Rounding rounding, std::span<float> y) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    const float position = x[i] / q.scale + q.zero_point;
    const float code = std::clamp(float(rounded(position, rounding)), q.low, q.high);
    y[i] = q.scale * (code - q.zero_point);
  }
}

void fake_quantize_stochastic(std::span<const float> x, const UniformQuantization& q,
                              const RandomStream& random, std::uint32_t offset,
                              std::span<float> y) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    const float position = x[i] / q.scale + q.zero_point;
    const double draw = random.uniform_at(offset + std::uint32_t(i));
    const auto code = float(std::floor(position + draw));  // the sum is exact in double
    y[i] = q.scale * (std::clamp(code, q.low, q.high) - q.zero_point);
  }
}

}  // namespace bitsweep::reference
