#include "framework/engine/update.h"

#include <cmath>
#include <cstddef>

#include "framework/core/error.h"

namespace bitsweep::kernels {

void sgd_step_caffe(const SgdStep& step, std::span<const float> g, std::span<float> v,
                    std::span<float> w) {
  ensure(g.size() == w.size() && v.size() == w.size(), "one state a weight");
  const float rate = step.learning_rate, decay = step.weight_decay;
  const float momentum = step.momentum;
  // w' = w - (new_share v' - old_share v)
  const float new_share = step.nesterov ? 1 + momentum : 1;
  const float old_share = step.nesterov ? momentum : 0;
  const float* gradient = g.data();
  float* velocity = v.data();
  float* weight = w.data();
  const std::size_t n = w.size();
#pragma GCC ivdep
  for (std::size_t i = 0; i < n; ++i) {
    const float old = velocity[i];
    velocity[i] = momentum * old + rate * (gradient[i] + decay * weight[i]);
    weight[i] -= new_share * velocity[i] - old_share * old;
  }
}

void sgd_step(const SgdStep& step, std::span<const float> g, std::span<float> v,
              std::span<float> w) {
  ensure(g.size() == w.size() && v.size() == w.size(), "one state a weight");
  const float rate = step.learning_rate, decay = step.weight_decay;
  const float momentum = step.momentum;
  // w' = w - rate (direct d + through v')
  const float direct = step.nesterov ? 1 : 0;
  const float through = step.nesterov ? momentum : 1;
  const float* gradient = g.data();
  float* velocity = v.data();
  float* weight = w.data();
  const std::size_t n = w.size();
#pragma GCC ivdep
  for (std::size_t i = 0; i < n; ++i) {
    const float d = gradient[i] + decay * weight[i];
    velocity[i] = momentum * velocity[i] + d;
    weight[i] -= rate * (direct * d + through * velocity[i]);
  }
}

void adam_step(const AdamStep& step, std::span<const float> g, std::span<float> m,
               std::span<float> v, std::span<float> w) {
  ensure(g.size() == w.size() && m.size() == w.size() && v.size() == w.size(),
         "two states a weight");
  const double correction1 = 1 - std::pow(double(step.beta1), double(step.step));
  const double correction2 = 1 - std::pow(double(step.beta2), double(step.step));
  const float rate = float(step.learning_rate / correction1);
  const float root_scale = float(1 / std::sqrt(correction2));
  const float beta1 = step.beta1, beta2 = step.beta2;
  const float epsilon = step.epsilon, decay = step.weight_decay;
  const float* gradient = g.data();
  float* first = m.data();
  float* second = v.data();
  float* weight = w.data();
  const std::size_t n = w.size();
#pragma GCC ivdep
  for (std::size_t i = 0; i < n; ++i) {
    const float d = gradient[i] + decay * weight[i];
    first[i] = beta1 * first[i] + (1 - beta1) * d;
    second[i] = beta2 * second[i] + (1 - beta2) * d * d;
    weight[i] -= rate * first[i] / (std::sqrt(second[i]) * root_scale + epsilon);
  }
}

}  // namespace bitsweep::kernels
