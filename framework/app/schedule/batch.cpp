#include "framework/app/schedule/batch.h"

#include <utility>

#include <fmt/format.h>

#include "framework/app/schedule/display.h"
#include "framework/app/schedule/scheduler.h"
#include "framework/app/schedule/time_left.h"
#include "framework/core/error.h"
#include "framework/results/record.h"
#include "framework/results/whole_file.h"

namespace bitsweep {
namespace {

// Runs of the plan that are to be done, as jobs, and back.
class Batch {
 public:
  Batch(const Plan& plan, const RunFiles& files, const ResultsLock& lock,
        const BatchOptions& options)
      : plan_(plan),
        files_(files),
        lock_(lock),
        options_(options),
        job_of_(plan.runs.size()) {
    for (std::size_t run = 0; run < plan.runs.size(); ++run) {
      const RunState state = plan.runs[run].state;
      // One that was killed between its record and its last act has a checkpoint left.
      if (state == RunState::kDone) files.remove_checkpoint(plan.runs[run]);
      if (state == RunState::kDone || state == RunState::kSkipped) continue;
      job_of_[run] = run_of_.size();
      run_of_.push_back(run);
      jobs_.push_back(job(plan.runs[run]));
    }
  }

  const std::vector<Job>& jobs() const { return jobs_; }
  const PlannedRun& run(std::size_t job) const { return plan_.runs[run_of_[job]]; }

  std::vector<DisplayedJob> displayed() const {
    std::vector<DisplayedJob> displayed;
    for (const auto index : run_of_) {
      const auto& run = plan_.runs[index];
      displayed.push_back({run.label, run.spec.network.id, work_of(run.spec)});
    }
    return displayed;
  }

  void keep(std::size_t job) const {
    put_record(job);
    files_.remove_checkpoint(run(job));
  }

  void keep_failure(std::size_t job, const std::string& why) const {
    const RunSpec& spec = run(job).spec;
    RunRecord record;
    record.digest = run(job).digest;
    record.canonical_text = spec.canonical_text();
    record.method = spec.method.id;
    record.seed = spec.seed;
    record.status = "failed";
    record.failure = why;
    record.provenance = current_provenance();
    write_record(record, lock_.draft(run(job).digest));
    put_record(job);  // what it had come to may be gone on from
  }

 private:
  void put_record(std::size_t job) const {
    lock_.publish(run(job).digest, files_.path_of(run(job)));
  }

  Job job(const PlannedRun& run) const {
    Job job{options_.worker_command, run.spec.canonical_text(), {}};
    job.command.insert(job.command.end(), {"--record", lock_.draft(run.digest).string()});
    job.command.insert(
        job.command.end(),
        {"--checkpoint", files_.checkpoint_of(run).string(), "--checkpoint-minutes",
         fmt::format("{}", options_.checkpoint_minutes)});
    if (!options_.keeps_weights && !run.spec.is_baseline()) {
      job.command.push_back("--without-weights");
    }
    if (run.start) {
      job.after = job_of_[*run.start];
      const auto path = files_.path_of(plan_.runs[*run.start]);
      job.command.insert(job.command.end(), {"--baseline", path.string()});
    }
    return job;
  }

  const Plan& plan_;
  const RunFiles& files_;
  const ResultsLock& lock_;
  const BatchOptions& options_;
  std::vector<std::optional<std::size_t>> job_of_;  // by run
  std::vector<std::size_t> run_of_;                 // by job
  std::vector<Job> jobs_;
};

// Leaves a record of each failure.
class FailureKeeper final : public ScheduleObserver {
 public:
  FailureKeeper(const Batch& batch, ScheduleObserver& display, BatchResult& result)
      : batch_(batch), display_(display), result_(result) {}

  void started(std::size_t job) override { display_.started(job); }
  void progress(std::size_t job, const RunObserver::Progress& progress) override {
    display_.progress(job, progress);
  }
  void warning(std::size_t job, const std::string& text) override {
    display_.warning(job, text);
  }
  void note(std::size_t job, const std::string& text) override {
    display_.note(job, text);
  }
  void tick() override { display_.tick(); }

  void finished(std::size_t job, const Outcome& outcome) override {
    display_.finished(job, outcome);
    if (outcome.status != Outcome::Status::kFailed) return;
    result_.failed.push_back({batch_.run(job).label, outcome.failure});
    try {
      batch_.keep_failure(job, outcome.failure);
    } catch (const DiskFullError&) {
      throw;  // ends the batch
    } catch (const RunError& error) {
      display_.warning(job, error.what());
    }
  }

 private:
  const Batch& batch_;
  ScheduleObserver& display_;
  BatchResult& result_;
};

}  // namespace

BatchResult run_batch(const Plan& plan, const RunFiles& files, const ResultsLock& lock,
                      const BatchOptions& options) {
  const Batch batch(plan, files, lock, options);
  BatchResult result;
  result.done = plan.count(RunState::kDone);
  const auto display = make_display(batch.displayed(), options.workers, result.done);
  FailureKeeper keeper(batch, *display, result);
  const auto schedule = run_jobs(
      batch.jobs(), options.workers, [&](std::size_t job) { batch.keep(job); }, keeper);
  for (const auto& outcome : schedule.outcomes) {
    result.done += outcome.status == Outcome::Status::kDone;
  }
  result.interrupted = schedule.interrupted;
  result.disk_full = schedule.disk_full;
  return result;
}

}  // namespace bitsweep
