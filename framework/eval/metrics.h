// The metric table: what is stated of a run. A new metric is a new row; results, reports
// and docs take their headings from it.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "framework/results/record.h"

namespace bitsweep {

enum class Better { kHigher, kLower };

struct Metric {
  std::string_view id;     // "accuracy"
  std::string_view title;  // for people: "accuracy"
  std::string_view
      unit;  // in names: "percent", "pp" (percentage points), "kib"; "" for none
  std::string_view sign;  // the unit for people: "%", "KiB"; "" for none
  Better better;
  int digits;  // behind the point, for people
  /// Of a finished run. `baseline` is the float run with the same seed, null for the
  /// baseline itself. Nothing when the record does not tell.
  std::optional<double> (*value)(const RunRecord& record, const RunRecord* baseline);
};

std::span<const Metric> metric_table();

/// The row of that id, which must be one.
const Metric& metric_named(std::string_view id);

}  // namespace bitsweep
