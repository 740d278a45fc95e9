#include "framework/report/confusion.h"

#include <algorithm>

namespace bitsweep {

Confusion confusion_of(const RunRecord& record) {
  Confusion result;
  const auto& labels = record.labels;
  const auto& predictions = record.predictions;
  if (labels.empty() || predictions.size() != labels.size()) return result;
  const auto last = std::max(*std::max_element(labels.begin(), labels.end()),
                             *std::max_element(predictions.begin(), predictions.end()));
  if (last < 0) return result;
  const std::size_t classes = std::size_t(last) + 1;
  result.classes.resize(classes);
  if (classes <= Confusion::kMostClasses) {
    result.matrix.assign(classes, std::vector<std::int64_t>(classes));
  }
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] < 0) continue;
    auto& of_label = result.classes[std::size_t(labels[i])];
    ++of_label.images;
    of_label.right += predictions[i] == labels[i];
    if (!result.matrix.empty() && predictions[i] >= 0) {
      ++result.matrix[std::size_t(labels[i])][std::size_t(predictions[i])];
    }
  }
  return result;
}

}  // namespace bitsweep
