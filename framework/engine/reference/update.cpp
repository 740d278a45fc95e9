#include <cmath>
#include <cstddef>

#include "framework/engine/reference/reference.h"

namespace bitsweep::reference {

void sgd_step_caffe(const SgdStep& step, std::span<const float> g, std::span<float> v,
                    std::span<float> w) {
  const double momentum = step.momentum;
  for (std::size_t i = 0; i < w.size(); ++i) {
    const double old = v[i];
    const double d = g[i] + double(step.weight_decay) * w[i];
    const double now = momentum * old + step.learning_rate * d;
    v[i] = float(now);
    w[i] = float(w[i] - (step.nesterov ? (1 + momentum) * now - momentum * old : now));
  }
}

void sgd_step(const SgdStep& step, std::span<const float> g, std::span<float> v,
              std::span<float> w) {
  const double momentum = step.momentum;
  for (std::size_t i = 0; i < w.size(); ++i) {
    const double d = g[i] + double(step.weight_decay) * w[i];
    const double now = momentum * v[i] + d;
    v[i] = float(now);
    w[i] = float(w[i] - step.learning_rate * (step.nesterov ? d + momentum * now : now));
  }
}

void adam_step(const AdamStep& step, std::span<const float> g, std::span<float> m,
               std::span<float> v, std::span<float> w) {
  const double beta1 = step.beta1, beta2 = step.beta2, t = double(step.step);
  for (std::size_t i = 0; i < w.size(); ++i) {
    const double d = g[i] + double(step.weight_decay) * w[i];
    const double first = beta1 * m[i] + (1 - beta1) * d;
    const double second = beta2 * v[i] + (1 - beta2) * d * d;
    const double mean = first / (1 - std::pow(beta1, t));
    const double deviation = std::sqrt(second / (1 - std::pow(beta2, t)));
    m[i] = float(first);
    v[i] = float(second);
    w[i] = float(w[i] - step.learning_rate * mean / (deviation + step.epsilon));
  }
}

}  // namespace bitsweep::reference
