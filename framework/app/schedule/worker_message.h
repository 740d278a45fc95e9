// What a worker process tells its parent: one line of text each.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "framework/app/run_experiment.h"

namespace bitsweep {

struct WorkerMessage {
  enum class Kind { kProgress, kWarning, kDone, kFailed, kDiskFull };
  Kind kind = Kind::kProgress;
  RunObserver::Progress progress;  // of kProgress
  double test_accuracy = 0;        // of kDone, a share; NaN where the run has none
  std::string text;                // of kWarning, kFailed and kDiskFull
  bool lasting = false;            // of kFailed: the same run would fail again

  static WorkerMessage of_progress(const RunObserver::Progress& progress);
  static WorkerMessage of_warning(const std::string& text);
  static WorkerMessage of_result(double test_accuracy);
  static WorkerMessage of_failure(const std::string& why, bool lasting = false);
  static WorkerMessage of_full_disk(const std::string& why);
};

/// Ends in a newline; newlines and tabs within texts become spaces.
std::string to_line(const WorkerMessage& message);

/// Nothing when the line is no message: output of a library, say.
std::optional<WorkerMessage> from_line(std::string_view line);

}  // namespace bitsweep
