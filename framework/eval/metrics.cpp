#include "framework/eval/metrics.h"

#include <algorithm>
#include <array>
#include <string>

#include "framework/core/error.h"
#include "framework/eval/packed_score.h"
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

// Nothing where no weight is pruned, so that other tables have no such column.
Value kept_share(const RunRecord& record, const RunRecord*) {
  const auto size = model_size(record.sizes);
  return size.pruned == 0 ? Value{} : 100 * size.kept_share();
}

// Of the packed model's file, and of the same values in 32-bit float over it.
Value file_kib(const RunRecord& record, const RunRecord*) {
  const auto bytes = stored(record, "file_bytes");
  return bytes ? Value{*bytes / 1024} : Value{};
}

Value file_ratio(const RunRecord& record, const RunRecord*) {
  const auto bytes = stored(record, "file_bytes");
  if (!bytes || record.sizes.empty()) return {};
  return 4.0 * double(model_size(record.sizes).elements) / *bytes;
}

Value simulated_accuracy(const RunRecord& record, const RunRecord*) {
  const auto share = stored(record, "simulated_accuracy");
  return share ? Value{100 * *share} : Value{};
}

Value agreement(const RunRecord& record, const RunRecord*) {
  const auto share = stored(record, "agreeing_predictions");
  return share ? Value{100 * *share} : Value{};
}

Value logit_difference(const RunRecord& record, const RunRecord*) {
  return stored(record, "largest_logit_difference");
}

template <double (*of)(const ProductEntry&)>
Value sum_of_products(const RunRecord& record, const RunRecord*) {
  if (record.products.empty()) return {};
  double sum = 0;
  for (const auto& product : record.products) sum += of(product);
  return sum / 1e6;
}

Value images_per_second(const RunRecord& record, const RunRecord*) {
  const double speed = record.provenance.images_per_second;
  return speed > 0 ? Value{speed} : Value{};
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
    Metric{"ratio", "nominal compression", "", "", kHigher, 1, ratio},
    Metric{"file_size", "file", "kib", "KiB", kLower, 1, file_kib},
    Metric{"file_ratio", "compression", "", "", kHigher, 1, file_ratio},
    Metric{"quantized_ratio", "compression of quantized tensors", "", "", kHigher, 1,
           quantized_ratio},
    Metric{"bits_per_weight", "bits per weight", "", "", kLower, 2, bits_per_weight},
    Metric{"kept", "weights kept", "percent", "%", kLower, 1, kept_share},
    Metric{"simulated_accuracy", "simulated accuracy", "percent", "%", kHigher, 2,
           simulated_accuracy},
    Metric{"agreement", "predictions as simulated", "percent", "%", kHigher, 2,
           agreement},
    Metric{"logit_difference", "largest logit difference", "", "", kLower, 6,
           logit_difference},
    Metric{"bit_operations", "bit operations", "millions", "10^6", kLower, 1,
           sum_of_products<bit_operations>},
    Metric{"energy", "energy of arithmetic", "uj", "uJ", kLower, 3,
           sum_of_products<picojoules>},
    Metric{"speed", "speed of the file", "images_per_second", "images/s", kHigher, 0,
           images_per_second},
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
