// Carries out what of a plan is not done yet, together with all who share the folder.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "framework/app/schedule/plan.h"
#include "framework/app/schedule/results_folder.h"
#include "framework/app/schedule/run_files.h"
#include "framework/app/schedule/scheduler.h"

namespace bitsweep {

struct BatchOptions {
  ScheduleOptions schedule = {};
  /// Program, hidden command and the options that all workers share.
  std::vector<std::string> worker_command;
  double checkpoint_minutes = 5;  // between two of a run under way
  /// What records of networks keep that no other starts from, one of `kKept`.
  std::string keep = "state";
  /// What failed after this was the batch's own, in another process: it stays failed.
  std::optional<std::filesystem::file_time_type> began = {};
};

struct FailedRun {
  std::string label;
  std::string why;
};

/// A run that another process was at when all else was finished.
struct HeldRun {
  std::string label;
  std::string holder;  // "node7 (process 4711)"
};

struct BatchResult {
  std::vector<FailedRun> failed;
  std::vector<HeldRun> held;
  std::size_t done = 0;  // of the whole plan, those of earlier batches among them
  bool interrupted = false;
  bool on_notice = false;  // interrupted by SIGUSR1
  /// Runs were under way here, and none of them made a step: it would do the same again.
  bool stood_still = false;
  std::string disk_full;  // why the batch ended early; or ""
  bool failed_fast = false;
};

/// Runs in worker processes, with a display on standard error. A run that finishes leaves
/// its record, and one that fails a record of that; either leaves a log. What others do
/// in the meantime counts as done, or failed.
BatchResult run_batch(const Plan& plan, RunFiles& files, ResultsFolder& folder,
                      const BatchOptions& options);

}  // namespace bitsweep
