#include "framework/app/schedule/batch.h"

#include <cmath>
#include <cstdint>
#include <map>
#include <optional>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "framework/app/schedule/display.h"
#include "framework/app/schedule/pace.h"
#include "framework/app/schedule/progress_text.h"
#include "framework/app/schedule/run_log.h"
#include "framework/app/schedule/time_left.h"
#include "framework/core/error.h"
#include "framework/results/record.h"
#include "framework/results/whole_file.h"

namespace bitsweep {
namespace {

// Runs of the plan that are to be done, as jobs, and back.
class Batch final : public JobClaims {
 public:
  Batch(const Plan& plan, RunFiles& files, ResultsFolder& folder,
        const BatchOptions& options)
      : plan_(plan),
        files_(files),
        folder_(folder),
        options_(options),
        job_of_(plan.runs.size()) {
    for (std::size_t run = 0; run < plan.runs.size(); ++run) {
      const RunState state = plan.runs[run].state;
      // One that was killed between its record and its last act has a checkpoint left.
      if (state == RunState::kDone) files.remove_checkpoint(plan.runs[run]);
      if (state != RunState::kMissing && state != RunState::kFailed) continue;
      const std::size_t job = run_of_.size();
      job_of_[run] = job;
      run_of_.push_back(run);
      const bool failed_just_now = failed_in_this_batch(files.path_of(plan.runs[run]));
      stamps_.push_back(failed_just_now ? std::nullopt : plan.runs[run].record);
      const auto& start = plan.runs[run].start;
      jobs_.push_back(
          {[this, job] { return order(job); }, start ? job_of_[*start] : std::nullopt});
    }
  }

  const std::vector<Job>& jobs() const { return jobs_; }
  const PlannedRun& run(std::size_t job) const { return plan_.runs[run_of_[job]]; }

  std::vector<DisplayedJob> displayed() const {
    std::vector<DisplayedJob> displayed;
    for (const auto index : run_of_) {
      const auto& run = plan_.runs[index];
      displayed.push_back(
          {run.label, run.spec.network.id, work_of(run.spec), batch_size_of(run.spec)});
    }
    return displayed;
  }

  // ---- Who does it ----

  Answer claim(std::size_t job) override {
    if (auto outcome = done_by_others(job)) return {Answer::Kind::kSettled, {}, *outcome};
    const auto holder = folder_.claim(run(job).digest, run(job).label);
    if (holder) {
      return {Answer::Kind::kHeld,
              text_of(holder->holder),
              {},
              holder->silent_seconds > kSilentSeconds};
    }
    // It may have been finished, and given back, in between.
    if (auto outcome = done_by_others(job)) {
      folder_.release(run(job).digest);
      return {Answer::Kind::kSettled, {}, *outcome};
    }
    return {};
  }
  void release(std::size_t job) override { folder_.release(run(job).digest); }
  bool is_lost(std::size_t job) override { return folder_.is_lost(run(job).digest); }

  // ---- What is kept ----

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
    write_record(record, folder_.draft(run(job).digest));
    put_record(job);  // what it had come to may be gone on from
  }

 private:
  void put_record(std::size_t job) const {
    folder_.publish(run(job).digest, files_.path_of(run(job)));
  }

  bool failed_in_this_batch(const std::filesystem::path& record) const {
    std::error_code missing;
    const auto written = std::filesystem::last_write_time(record, missing);
    return options_.began && !missing && written >= *options_.began;
  }

  // A record may have been written under another name, that of another table's row. Who
  // began the run has left a log: without one the folder of thousands is not read again.
  void look_for(const PlannedRun& run) const {
    std::error_code unknown;
    if (std::filesystem::exists(files_.path_of(run), unknown)) return;
    if (std::filesystem::exists(folder_.log(run.digest), unknown)) files_.refresh();
  }

  // Where the record is another than the plan has seen.
  std::optional<Outcome> done_by_others(std::size_t job) {
    look_for(run(job));
    const auto path = files_.path_of(run(job));
    const auto stamp = stamp_of(path);
    if (!stamp || (stamps_[job] && stamp->same_writing(*stamps_[job]))) {
      return std::nullopt;
    }
    Outcome outcome{.elsewhere = true};
    try {
      const RunRecord record = read_record_summary(path, SummaryDepth::kHead);
      const auto accuracy = record.metrics.find("test_accuracy");
      outcome.status =
          record.status == "done" ? Outcome::Status::kDone : Outcome::Status::kFailed;
      outcome.failure = record.failure;
      outcome.test_accuracy =
          accuracy == record.metrics.end() ? std::nan("") : accuracy->second;
      outcome.seconds = record.provenance.seconds;
    } catch (const DataError& error) {
      outcome.status = Outcome::Status::kFailed;
      outcome.failure = error.what();
    }
    return outcome;
  }

  Order order(std::size_t job) const {
    const PlannedRun& run = this->run(job);
    Order order{options_.worker_command, run.spec.canonical_text()};
    auto& command = order.command;
    command.insert(command.end(), {"--record", folder_.draft(run.digest).string()});
    command.insert(command.end(), {"--checkpoint", files_.checkpoint_of(run).string(),
                                   "--checkpoint-minutes",
                                   fmt::format("{}", options_.checkpoint_minutes)});
    if (!run.spec.is_baseline()) {
      command.insert(command.end(), {"--keep", options_.keep});
    }
    if (run.start) {
      look_for(plan_.runs[*run.start]);
      const auto path = files_.path_of(plan_.runs[*run.start]);
      command.insert(command.end(), {"--baseline", path.string()});
    }
    return order;
  }

  const Plan& plan_;
  RunFiles& files_;
  ResultsFolder& folder_;
  const BatchOptions& options_;
  std::vector<std::optional<std::size_t>> job_of_;  // by run
  std::vector<std::size_t> run_of_;                 // by job
  std::vector<std::optional<FileStamp>> stamps_;    // of records, as the plan found them
  std::vector<Job> jobs_;
};

// Leaves a record of each failure, a log of each run, and tells others how far it is.
class Keeper final : public ScheduleObserver {
 public:
  Keeper(const Batch& batch, ResultsFolder& folder, ScheduleObserver& display,
         BatchResult& result)
      : batch_(batch), folder_(folder), display_(display), result_(result) {}

  void started(std::size_t job) override {
    const auto& run = batch_.run(job);
    running_.emplace(job, Running{RunLog(folder_.log(run.digest),
                                         fmt::format("{}: started by {}", run.label,
                                                     text_of(this_process()))),
                                  {},
                                  {},
                                  {}});
    result_.stood_still = !got_on_;
    display_.started(job);
  }
  void progress(std::size_t job, const RunObserver::Progress& progress) override {
    auto& [log, pace, shown, begin] = running_.at(job);
    log.progress(progress);
    pace.hear(progress);
    shown = shown_after(shown, progress);
    if (progress.done > begin.value_or(progress.done)) got_on();
    if (!begin) begin = progress.done;
    const auto& run = batch_.run(job);
    folder_.tell(run.digest, shown, pace.steps_per_second() * batch_size_of(run.spec));
    display_.progress(job, progress);
  }
  void warning(std::size_t job, const std::string& text) override {
    log(job, "warning: " + text);
    display_.warning(job, text);
  }
  void note(std::size_t job, const std::string& text) override {
    log(job, text);
    display_.note(job, text);
  }
  void complaint(std::size_t job, const std::string& text) override { log(job, text); }
  void stopped(std::size_t job, const std::string& why) override {
    log(job, why);
    running_.erase(job);
    display_.stopped(job, why);
  }
  void waiting(std::size_t job, const std::string& holder,
               std::size_t jobs_behind_it) override {
    display_.waiting(job, holder, jobs_behind_it);
  }
  void tick() override { display_.tick(); }

  void finished(std::size_t job, const Outcome& outcome) override {
    log(job, outcome_line(batch_.run(job).label, outcome));
    running_.erase(job);
    display_.finished(job, outcome);
    got_on();
    if (outcome.status != Outcome::Status::kFailed) return;
    result_.failed.push_back({batch_.run(job).label, outcome.failure});
    if (outcome.elsewhere) return;
    try {
      batch_.keep_failure(job, outcome.failure);
    } catch (const DiskFullError&) {
      throw;  // ends the batch
    } catch (const RunError& error) {
      display_.warning(job, error.what());
    }
  }

 private:
  struct Running {
    RunLog log;
    Pace pace;
    RunObserver::Progress shown;
    std::optional<std::int64_t> begin;  // steps done when it was first heard of
  };

  void got_on() {
    got_on_ = true;
    result_.stood_still = false;
  }

  void log(std::size_t job, const std::string& text) {
    const auto found = running_.find(job);
    if (found != running_.end()) found->second.log.line(text);
  }

  const Batch& batch_;
  ResultsFolder& folder_;
  ScheduleObserver& display_;
  BatchResult& result_;
  std::map<std::size_t, Running> running_;
  bool got_on_ = false;  // some run made a step, or ended
};

}  // namespace

BatchResult run_batch(const Plan& plan, RunFiles& files, ResultsFolder& folder,
                      const BatchOptions& options) {
  Batch batch(plan, files, folder, options);
  BatchResult result;
  result.done = plan.count(RunState::kDone);
  const auto display =
      make_display(batch.displayed(), options.schedule.workers, result.done);
  Keeper keeper(batch, folder, *display, result);
  const auto schedule = run_jobs(
      batch.jobs(), options.schedule, [&](std::size_t job) { batch.keep(job); }, batch,
      keeper);
  for (const auto& outcome : schedule.outcomes) {
    result.done += outcome.status == Outcome::Status::kDone;
  }
  const auto running = schedule.held.empty() ? std::map<std::string, LeaseText>{}
                                             : running_in(folder.path());
  for (const auto job : schedule.held) {
    const auto& run = batch.run(job);
    const auto found = running.find(run.digest);
    result.held.push_back(
        {run.label, found == running.end() ? "" : text_of(found->second.holder)});
  }
  files.refresh();
  files.remove_leftovers();
  for (const auto& run : plan.runs) {
    std::error_code unknown;
    if (std::filesystem::exists(files.path_of(run), unknown)) {
      folder.clear_lease(run.digest);
    }
  }
  result.interrupted = schedule.interrupted;
  result.on_notice = schedule.on_notice;
  result.disk_full = schedule.disk_full;
  result.failed_fast = schedule.failed_fast;
  return result;
}

}  // namespace bitsweep
