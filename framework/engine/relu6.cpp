#include "framework/engine/relu6.h"

#include <algorithm>

#include "framework/core/error.h"

namespace bitsweep::kernels {

void relu6_forward(std::span<const float> x, std::span<float> y) {
  ensure(x.size() == y.size(), "element-wise kernels keep the size");
#pragma GCC ivdep
  for (std::size_t i = 0; i < x.size(); ++i) y[i] = std::clamp(x[i], 0.0f, 6.0f);
}

void relu6_backward(std::span<const float> y, std::span<const float> dy,
                    std::span<float> dx) {
  ensure(y.size() == dy.size() && dy.size() == dx.size(),
         "element-wise kernels keep the size");
#pragma GCC ivdep
  for (std::size_t i = 0; i < y.size(); ++i) {
    dx[i] = (y[i] > 0) & (y[i] < 6) ? dy[i] : 0.0f;
  }
}

}  // namespace bitsweep::kernels
