#include "framework/engine/elementwise.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "framework/core/error.h"
#include "framework/engine/vector_math.h"

namespace bitsweep::kernels {
namespace {

// y[i] = f(x[i]). The pragma says what the contract does: no iteration reads what another
// one writes.
template <class F>
void map(std::span<const float> x, std::span<float> y, F f) {
  ensure(x.size() == y.size(), "element-wise kernels keep the size");
  const float* in = x.data();
  float* out = y.data();
  const std::size_t n = x.size();
#pragma GCC ivdep
  for (std::size_t i = 0; i < n; ++i) out[i] = f(in[i]);
}

// y[i] = f(a[i], b[i]).
template <class F>
void map(std::span<const float> a, std::span<const float> b, std::span<float> y, F f) {
  ensure(a.size() == y.size() && b.size() == y.size(),
         "element-wise kernels keep the size");
  const float* first = a.data();
  const float* second = b.data();
  float* out = y.data();
  const std::size_t n = y.size();
#pragma GCC ivdep
  for (std::size_t i = 0; i < n; ++i) out[i] = f(first[i], second[i]);
}

// dx = dy where inside(x), else 0.
template <class Inside>
void mask(std::span<const float> x, std::span<const float> dy, std::span<float> dx,
          Inside inside) {
  map(x, dy, dx, [inside](float v, float g) { return inside(v) ? g : 0.0f; });
}

float polynomial_slope(float x) {
  const float magnitude = std::fabs(x);
  return magnitude <= 1 ? 2 - 2 * magnitude : 0.0f;
}

// With t = tanh(z / 2), 1 + cosh(z) = 2 / (1 - t^2): no overflow far out, where the slope
// ends in 0.
float swish_slope(float x) {
  constexpr float kBeta = 5;
  const float z = kBeta * x;
  const float t = vector_tanh(0.5f * z);
  return 0.5f * kBeta * (2 - z * t) * (1 - t * t);
}

}  // namespace

void relu_forward(std::span<const float> x, std::span<float> y) {
  map(x, y, [](float v) { return v < 0 ? 0.0f : v; });
}

void relu_backward(std::span<const float> y, std::span<const float> dy,
                   std::span<float> dx) {
  mask(y, dy, dx, [](float v) { return v > 0; });
}

void hard_tanh_forward(std::span<const float> x, std::span<float> y) {
  map(x, y, [](float v) { return std::clamp(v, -1.0f, 1.0f); });
}

void hard_tanh_backward(std::span<const float> x, std::span<const float> dy,
                        std::span<float> dx) {
  mask(x, dy, dx, [](float v) { return std::fabs(v) <= 1; });
}

void add(std::span<const float> a, std::span<const float> b, std::span<float> sum) {
  map(a, b, sum, [](float v, float w) { return v + w; });
}

void add_into(std::span<const float> x, std::span<float> y) { add(x, y, y); }

void copy(std::span<const float> x, std::span<float> y) {
  ensure(x.size() == y.size(), "element-wise kernels keep the size");
  if (x.data() != y.data()) std::copy(x.begin(), x.end(), y.begin());
}

void dropout(std::span<const float> x, float rate, const RandomStream& random,
             std::uint32_t offset, std::span<float> y) {
  ensure(x.size() == y.size(), "element-wise kernels keep the size");
  const RandomStream draws = random;
  const float keep_scale = 1 / (1 - rate);
  const float* in = x.data();
  float* out = y.data();
  const std::uint32_t n = std::uint32_t(x.size());
#pragma GCC ivdep
  for (std::uint32_t i = 0; i < n; ++i) {
    out[i] = draws.uniform_at(offset + i) >= rate ? in[i] * keep_scale : 0.0f;
  }
}

void straight_through(StraightThrough rule, std::span<const float> x,
                      std::span<const float> dy, float low, float high,
                      std::span<float> dx) {
  switch (rule) {
    case StraightThrough::kIdentity:
      return copy(dy, dx);
    case StraightThrough::kClip1:
      return hard_tanh_backward(x, dy, dx);
    case StraightThrough::kRange:
      return mask(x, dy, dx, [low, high](float v) { return (low < v) & (v < high); });
    case StraightThrough::kPolynomial:
      return map(x, dy, dx, [](float v, float g) { return g * polynomial_slope(v); });
    case StraightThrough::kSwish:
      return map(x, dy, dx, [](float v, float g) { return g * swish_slope(v); });
  }
}

}  // namespace bitsweep::kernels
