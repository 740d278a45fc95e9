#include "framework/engine/loss.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "framework/core/error.h"

namespace bitsweep::kernels {
namespace {

// Adds `one(row, label, gradient row)` over the images; the gradient row is empty when
// none is asked for.
template <class One>
SliceLoss over_images(std::span<const float> logits, std::span<const int> labels,
                      std::span<float> dlogits, One one) {
  if (labels.empty()) return {};
  const std::size_t classes = logits.size() / labels.size();
  ensure(logits.size() == labels.size() * classes, "each image has all its logits");
  ensure(dlogits.empty() || dlogits.size() == logits.size(),
         "the gradient has the logits' shape");
  SliceLoss total;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto row = logits.subspan(i * classes, classes);
    ensure(labels[i] >= 0 && std::size_t(labels[i]) < classes, "a label names a class");
    const auto best = std::max_element(row.begin(), row.end()) - row.begin();
    total.correct += best == labels[i];
    const auto gradient =
        dlogits.empty() ? dlogits : dlogits.subspan(i * classes, classes);
    total.loss += one(row, std::size_t(labels[i]), gradient);
  }
  return total;
}

// log of the sum of exp(z / temperature).
double log_sum_exp(std::span<const float> z, double temperature) {
  const double largest = *std::max_element(z.begin(), z.end()) / temperature;
  double sum = 0;
  for (const float v : z) sum += std::exp(v / temperature - largest);
  return largest + std::log(sum);
}

}  // namespace

SliceLoss softmax_cross_entropy(std::span<const float> logits,
                                std::span<const int> labels, int batch,
                                std::span<float> dlogits) {
  const auto one = [batch](std::span<const float> z, std::size_t label,
                           std::span<float> dz) {
    const double log_sum = log_sum_exp(z, 1);
    const double loss = log_sum - z[label];
    for (std::size_t c = 0; c < dz.size(); ++c) {
      dz[c] = float((std::exp(z[c] - log_sum) - (c == label)) / batch);
    }
    return loss;
  };
  return over_images(logits, labels, dlogits, one);
}

SliceLoss squared_hinge(std::span<const float> logits, std::span<const int> labels,
                        int batch, std::span<float> dlogits) {
  const auto one = [batch](std::span<const float> z, std::size_t label,
                           std::span<float> dz) {
    double loss = 0;
    for (std::size_t c = 0; c < z.size(); ++c) {
      const double target = c == label ? 1 : -1;
      const double margin = 1 - target * z[c];
      const double missing = margin < 0 ? 0 : margin;
      loss += missing * missing;
      if (!dz.empty()) {
        dz[c] = float(-2 * target * missing / (double(z.size()) * batch));
      }
    }
    return loss / double(z.size());
  };
  return over_images(logits, labels, dlogits, one);
}

double distilled_loss(double of_labels, std::span<const float> logits,
                      std::span<const float> teacher, std::size_t classes,
                      const Distillation& distillation, int batch,
                      std::span<float> dlogits) {
  const auto [weight, T] = distillation;
  ensure(teacher.size() == logits.size() && dlogits.size() == logits.size() &&
             dlogits.data() != logits.data(),
         "teacher and gradient have the logits' shape");
  double divergence = 0;
  for (std::size_t begin = 0; begin < logits.size(); begin += classes) {
    const auto z = logits.subspan(begin, classes),
               of_teacher = teacher.subspan(begin, classes);
    const double log_sum = log_sum_exp(z, T), teachers = log_sum_exp(of_teacher, T);
    for (std::size_t c = 0; c < classes; ++c) {
      const double log_p = z[c] / T - log_sum, log_t = of_teacher[c] / T - teachers;
      const double t = std::exp(log_t);
      if (t > 0) divergence += t * (log_t - log_p);
      float& dz = dlogits[begin + c];
      dz = float((1 - weight) * dz + weight * T * (std::exp(log_p) - t) / batch);
    }
  }
  return (1 - weight) * of_labels + weight * T * T * divergence;
}

}  // namespace bitsweep::kernels
