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

}  // namespace

SliceLoss softmax_cross_entropy(std::span<const float> logits,
                                std::span<const int> labels, int batch,
                                std::span<float> dlogits) {
  const auto one = [batch](std::span<const float> z, std::size_t label,
                           std::span<float> dz) {
    const double largest = *std::max_element(z.begin(), z.end());
    double sum = 0;
    for (const float v : z) sum += std::exp(v - largest);
    const double log_sum = largest + std::log(sum);
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

}  // namespace bitsweep::kernels
