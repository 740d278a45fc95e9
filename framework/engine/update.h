// Steps of the optimizers, each one pass over a weight, its gradient and its state. The
// spans have one size and do not overlap. One thread; no allocation; states begin at 0.
#pragma once

#include <cstdint>
#include <span>

namespace bitsweep {

struct SgdStep {
  float learning_rate = 0;
  float momentum = 0;
  float weight_decay = 0;
  bool nesterov = false;
};

struct AdamStep {
  float learning_rate = 0;
  float beta1 = 0.9f;
  float beta2 = 0.999f;
  float epsilon = 1e-8f;
  float weight_decay = 0;  // added to the gradient, not decoupled
  std::int64_t step = 1;   // counted from 1, for the correction of the bias
};

namespace kernels {

/// The learning rate is part of the momentum:
///   v' = momentum v + learning_rate (g + weight_decay w)
///   w' = w - v',  or with Nesterov  w - ((1 + momentum) v' - momentum v)
void sgd_step_caffe(const SgdStep& step, std::span<const float> g, std::span<float> v,
                    std::span<float> w);

/// The learning rate stays outside (PyTorch, and Sutskever's form up to its scale):
///   d = g + weight_decay w,  v' = momentum v + d
///   w' = w - learning_rate v',  or with Nesterov  w - learning_rate (d + momentum v')
void sgd_step(const SgdStep& step, std::span<const float> g, std::span<float> v,
              std::span<float> w);

/// Kingma and Ba's Adam:
///   d = g + weight_decay w,  m' = beta1 m + (1 - beta1) d,  v' = beta2 v + (1 - beta2)
///   d^2 w' = w - learning_rate (m' / (1 - beta1^t)) / (sqrt(v' / (1 - beta2^t)) +
///   epsilon)
void adam_step(const AdamStep& step, std::span<const float> g, std::span<float> m,
               std::span<float> v, std::span<float> w);

}  // namespace kernels
}  // namespace bitsweep
