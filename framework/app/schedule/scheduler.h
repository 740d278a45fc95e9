// Runs jobs in worker processes, each job after the one it depends on. A worker that
// fails, crashes or is killed costs its own job and those that wait for it.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "framework/app/run_experiment.h"

namespace bitsweep {

/// What is to be run, to the scheduler: a text for a worker.
struct Job {
  std::vector<std::string> command;  // program and arguments
  std::string input;                 // for its standard input
  std::optional<std::size_t> after;  // index of the job whose success it needs
};

struct Outcome {
  enum class Status { kNotRun, kDone, kFailed };
  Status status = Status::kNotRun;
  std::string failure = {};  // why, of kFailed
  double test_accuracy = 0;  // of kDone
  double seconds = 0;
};

/// Hears what happens, on the scheduler's thread; jobs by their index.
class ScheduleObserver {
 public:
  virtual ~ScheduleObserver() = default;
  virtual void started(std::size_t /*job*/) {}
  virtual void progress(std::size_t /*job*/, const RunObserver::Progress&) {}
  virtual void warning(std::size_t /*job*/, const std::string& /*text*/) {}
  virtual void note(std::size_t /*job*/, const std::string& /*text*/) {}
  virtual void finished(std::size_t /*job*/, const Outcome&) {}
  /// At least five times a second.
  virtual void tick() {}
};

struct ScheduleResult {
  std::vector<Outcome> outcomes;  // one a job
  bool interrupted = false;       // by a signal; what was under way has kept its state
  std::string disk_full;          // why no more was run: nothing could be kept; or ""
};

/// Less than batch systems leave between SIGTERM and SIGKILL (Slurm's KillWait: 30).
inline constexpr int kInterruptSeconds = 25;

/// Runs all jobs, `workers` at once, in their order as far as dependencies let them; a
/// job stands behind the one it depends on. `complete` is called when a worker has
/// succeeded, before jobs that wait for it start, and may still throw RunError to make it
/// a failure. A signal ends the schedule: it is passed on to the workers as SIGTERM,
/// which have kInterruptSeconds to keep their state; a second one ends them at once.
/// SIGUSR1 is passed on, and they go on. A full disk, which a worker tells of or the
/// observer throws as DiskFullError, ends the schedule: what is trained could not be
/// kept.
ScheduleResult run_jobs(const std::vector<Job>& jobs, int workers,
                        const std::function<void(std::size_t job)>& complete,
                        ScheduleObserver& observer);

}  // namespace bitsweep
