// Carries out what of a plan is not done yet.
#pragma once

#include <string>
#include <vector>

#include "framework/app/schedule/plan.h"
#include "framework/app/schedule/results_lock.h"
#include "framework/app/schedule/run_files.h"

namespace bitsweep {

struct BatchOptions {
  int workers = 1;
  /// Program, hidden command and the options that all workers share.
  std::vector<std::string> worker_command;
  double checkpoint_minutes = 5;  // between two of a run under way
  /// Whether records keep the weights of networks that no other starts from.
  bool keeps_weights = true;
};

struct FailedRun {
  std::string label;
  std::string why;
};

struct BatchResult {
  std::vector<FailedRun> failed;
  std::size_t done = 0;  // of the whole plan, those of earlier batches among them
  bool interrupted = false;
  std::string disk_full;  // why the batch ended early; or ""
};

/// Runs in worker processes, with a display on standard error. A run that finishes leaves
/// its record, and one that fails a record of that.
BatchResult run_batch(const Plan& plan, const RunFiles& files, const ResultsLock& lock,
                      const BatchOptions& options);

}  // namespace bitsweep
