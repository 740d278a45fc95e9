#include <algorithm>
#include <cmath>
#include <cstddef>

#include "framework/engine/reference/reference.h"

namespace bitsweep::reference {
namespace {

std::span<const float> row_of(std::span<const float> logits, std::size_t images,
                              std::size_t image) {
  const std::size_t classes = logits.size() / images;
  return logits.subspan(image * classes, classes);
}

bool is_correct(std::span<const float> z, int label) {
  return std::max_element(z.begin(), z.end()) - z.begin() == label;
}

}  // namespace

SliceLoss softmax_cross_entropy(std::span<const float> logits,
                                std::span<const int> labels, int batch,
                                std::span<float> dlogits) {
  SliceLoss total;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto z = row_of(logits, labels.size(), i);
    long double sum = 0;  // whose exponent has room for e^11000
    for (const float v : z) sum += std::exp((long double)(v));
    for (std::size_t c = 0; c < z.size() && !dlogits.empty(); ++c) {
      const long double probability = std::exp((long double)(z[c])) / sum;
      dlogits[i * z.size() + c] = float((probability - (int(c) == labels[i])) / batch);
    }
    const long double right = std::exp((long double)(z[std::size_t(labels[i])])) / sum;
    total.loss += double(-std::log(right));
    total.correct += is_correct(z, labels[i]);
  }
  return total;
}

SliceLoss squared_hinge(std::span<const float> logits, std::span<const int> labels,
                        int batch, std::span<float> dlogits) {
  SliceLoss total;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto z = row_of(logits, labels.size(), i);
    for (std::size_t c = 0; c < z.size(); ++c) {
      const double target = int(c) == labels[i] ? 1 : -1;
      const double missing = std::max(0.0, 1 - target * z[c]);
      total.loss += missing * missing / double(z.size());
      if (!dlogits.empty()) {
        dlogits[i * z.size() + c] =
            float(-2 * target * missing / (double(z.size()) * batch));
      }
    }
    total.correct += is_correct(z, labels[i]);
  }
  return total;
}

}  // namespace bitsweep::reference
