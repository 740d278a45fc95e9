// Which classes a network takes for which.
#pragma once

#include <cstdint>
#include <vector>

#include "framework/results/record.h"

namespace bitsweep {

struct ClassAccuracy {
  std::int64_t images = 0;  // of the class
  std::int64_t right = 0;   // of them recognised
};

struct Confusion {
  std::vector<ClassAccuracy> classes;  // by label
  /// [label][prediction], images; empty above `kMostClasses`, where it would be larger
  /// than all else in a report.
  std::vector<std::vector<std::int64_t>> matrix;

  static constexpr std::size_t kMostClasses = 100;
};

/// Empty where the record has no predictions. Predictions that are no class are wrong
/// and stand in no column.
Confusion confusion_of(const RunRecord& record);

}  // namespace bitsweep
