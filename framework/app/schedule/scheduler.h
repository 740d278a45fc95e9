// Runs jobs in worker processes, each job after the one it depends on. A worker that
// fails, crashes or is killed costs its own job and those that wait for it.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "framework/app/run_experiment.h"

namespace bitsweep {

/// What a worker is started with.
struct Order {
  std::vector<std::string> command;  // program and arguments
  std::string input;                 // for its standard input
};

/// What is to be run, to the scheduler.
struct Job {
  std::function<Order()> order;      // asked for when it starts
  std::optional<std::size_t> after;  // index of the job whose success it needs
};

struct Outcome {
  enum class Status { kNotRun, kDone, kFailed };
  Status status = Status::kNotRun;
  std::string failure = {};  // why, of kFailed
  double test_accuracy = 0;  // of kDone
  double seconds = 0;
  bool elsewhere = false;  // another process did it
};

/// Who may do a job, where several processes share them: the default does all itself.
class JobClaims {
 public:
  virtual ~JobClaims() = default;
  /// What a claim comes to: a job that others hold is asked for again later.
  struct Answer {
    enum class Kind { kOurs, kHeld, kSettled };
    Kind kind = Kind::kOurs;
    std::string holder = {};  // of kHeld: who
    Outcome outcome = {};     // of kSettled
    bool is_silent = false;   // of kHeld: it may be dead, and the job free before long
  };
  /// May throw RunError: the job fails.
  virtual Answer claim(std::size_t /*job*/) { return {}; }
  virtual void release(std::size_t /*job*/) {}
  /// Whether others took the job over while it runs here; its worker is ended.
  virtual bool is_lost(std::size_t /*job*/) { return false; }
};

/// Hears what happens, on the scheduler's thread; jobs by their index.
class ScheduleObserver {
 public:
  virtual ~ScheduleObserver() = default;
  virtual void started(std::size_t /*job*/) {}
  virtual void progress(std::size_t /*job*/, const RunObserver::Progress&) {}
  virtual void warning(std::size_t /*job*/, const std::string& /*text*/) {}
  virtual void note(std::size_t /*job*/, const std::string& /*text*/) {}
  /// A line of the worker's standard error.
  virtual void complaint(std::size_t /*job*/, const std::string& /*text*/) {}
  /// It runs no more, and is not finished: it is tried again, or others have it.
  virtual void stopped(std::size_t /*job*/, const std::string& /*why*/) {}
  virtual void finished(std::size_t /*job*/, const Outcome&) {}
  /// Nothing is left to start here before others have finished `job`; or, with no jobs
  /// behind it, before it shows whether its holder, who is silent, still lives.
  virtual void waiting(std::size_t /*job*/, const std::string& /*holder*/,
                       std::size_t /*jobs_behind_it*/) {}
  /// At least five times a second.
  virtual void tick() {}
};

struct ScheduleOptions {
  int workers = 1;               // at once
  double timeout_seconds = 0;    // of one try of a job; 0: none
  int retries = 0;               // of a job whose failure may not be the job's own
  bool fail_fast = false;        // nothing is started any more after a failure
  bool ends_on_notice = false;   // SIGUSR1 ends it as SIGTERM does
  double ask_again_seconds = 2;  // for what others hold
};

struct ScheduleResult {
  std::vector<Outcome> outcomes;  // one a job
  bool interrupted = false;       // by a signal; what was under way has kept its state
  bool on_notice = false;         // by SIGUSR1
  std::string disk_full;          // why no more was run: nothing could be kept; or ""
  bool failed_fast = false;       // why no more was run
  std::vector<std::size_t> held;  // jobs that others were at when all else was finished
};

/// Less than batch systems leave between SIGTERM and SIGKILL (Slurm's KillWait: 30).
inline constexpr int kInterruptSeconds = 25;

/// Runs all jobs that can be claimed, in their order as far as dependencies let them; a
/// job stands behind the one it depends on. `complete` is called when a worker has
/// succeeded, before jobs that wait for it start, and may still throw RunError to make it
/// a failure. A signal ends the schedule: it is passed on to the workers as SIGTERM,
/// which have kInterruptSeconds to keep their state; a second one ends them at once.
/// SIGUSR1 is passed on, and they go on, but for `ends_on_notice`. A full disk, which a
/// worker tells of or a claim, `complete` or the observer throws as DiskFullError, ends the
/// schedule as a signal does: what is trained could not be kept.
ScheduleResult run_jobs(const std::vector<Job>& jobs, const ScheduleOptions& options,
                        const std::function<void(std::size_t job)>& complete,
                        JobClaims& claims, ScheduleObserver& observer);

}  // namespace bitsweep
