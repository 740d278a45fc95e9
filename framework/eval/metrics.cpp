#include "framework/eval/metrics.h"

#include <algorithm>
#include <array>
#include <string>

#include "framework/core/error.h"
#include "framework/eval/size.h"

namespace bitsweep {
namespace {

using Value = std::optional<double>;

Value stored(const RunRecord& record, const std::string& name) {
  const auto found = record.metrics.find(name);
  return found == record.metrics.end() ? Value{} : found->second;
}

Value accuracy(const RunRecord& record, const RunRecord*) {
  const auto share = stored(record, "test_accuracy");
  return share ? Value{100 * *share} : Value{};
}

Value accuracy_drop(const RunRecord& record, const RunRecord* baseline) {
  if (!baseline) return {};
  const auto before = accuracy(*baseline, nullptr);
  const auto after = accuracy(record, nullptr);
  return before && after ? Value{*before - *after} : Value{};
}

Value test_loss(const RunRecord& record, const RunRecord*) {
  return stored(record, "test_loss");
}

Value size_kib(const RunRecord& record, const RunRecord*) {
  if (record.sizes.empty()) return {};
  return double(model_size(record.sizes).total_bytes()) / 1024;
}

Value ratio(const RunRecord& record, const RunRecord*) {
  return record.sizes.empty() ? Value{} : model_size(record.sizes).ratio();
}

Value quantized_ratio(const RunRecord& record, const RunRecord*) {
  return record.sizes.empty() ? Value{} : model_size(record.sizes).quantized_ratio();
}

Value bits_per_weight(const RunRecord& record, const RunRecord*) {
  const auto size = model_size(record.sizes);
  return size.weights == 0 ? Value{} : size.bits_per_weight();
}

Value seconds(const RunRecord& record, const RunRecord*) {
  return record.provenance.seconds;
}

using enum Better;
constexpr std::array kMetrics{
    Metric{"accuracy", "accuracy", "percent", "%", kHigher, 2, accuracy},
    Metric{"accuracy_drop", "accuracy drop", "pp", "pp", kLower, 2, accuracy_drop},
    Metric{"test_loss", "test loss", "", "", kLower, 4, test_loss},
    Metric{"size", "size", "kib", "KiB", kLower, 1, size_kib},
    Metric{"ratio", "compression", "", "", kHigher, 1, ratio},
    Metric{"quantized_ratio", "compression of quantized tensors", "", "", kHigher, 1,
           quantized_ratio},
    Metric{"bits_per_weight", "bits per weight", "", "", kLower, 2, bits_per_weight},
    Metric{"wall_time", "wall time", "seconds", "s", kLower, 0, seconds},
};

}  // namespace

std::span<const Metric> metric_table() { return kMetrics; }

const Metric& metric_named(std::string_view id) {
  const auto found = std::find_if(kMetrics.begin(), kMetrics.end(),
                                  [&](const Metric& metric) { return metric.id == id; });
  ensure(found != kMetrics.end(), "a metric is asked for by an id of the table");
  return *found;
}

}  // namespace bitsweep
