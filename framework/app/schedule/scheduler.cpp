#include "framework/app/schedule/scheduler.h"

#include <algorithm>
#include <chrono>
#include <memory>

#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>

#include "framework/app/schedule/interrupt.h"
#include "framework/app/schedule/worker_message.h"
#include "framework/app/schedule/worker_process.h"
#include "framework/core/error.h"
#include "framework/results/whole_file.h"

namespace bitsweep {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kTickMilliseconds = 200;
constexpr int kGraceMilliseconds = 50;

struct Worker {
  Worker(std::size_t index, const Job& its_job)
      : job(index), process(its_job.command, its_job.input) {}

  std::size_t job;
  WorkerProcess process;
  Clock::time_point started = Clock::now();
  std::optional<WorkerMessage> verdict;  // kDone or kFailed
  std::string last_complaint;

  bool has_ended() {
    const bool is_silent = !process.output().is_open() && !process.complaints().is_open();
    return is_silent || process.has_exited();
  }
};

class Schedule {
 public:
  Schedule(const std::vector<Job>& jobs, int workers,
           const std::function<void(std::size_t)>& complete, ScheduleObserver& observer)
      : jobs_(jobs),
        most_(std::size_t(workers)),
        complete_(complete),
        observer_(observer),
        started_(jobs.size(), false) {
    result_.outcomes.resize(jobs.size());
  }

  ScheduleResult run() {
    start_ready_jobs();
    while (!workers_.empty() && !is_over()) {
      wait_for_news();
      result_.interrupted = signals_.arrived();
      for (auto& worker : workers_) hear(*worker);
      if (signals_.take_save_request()) tell_workers(SIGUSR1);
      if (!is_over()) settle_ended_workers();
      observer_.tick();
    }
    if (result_.interrupted) stop_workers();
    workers_.clear();  // kills what still runs
    return std::move(result_);
  }

 private:
  bool is_over() const { return result_.interrupted || !result_.disk_full.empty(); }

  void tell_workers(int signal) {
    for (auto& worker : workers_) worker->process.send(signal);
  }

  // What they still finish counts; what they are stopped in is for the next batch.
  void stop_workers() {
    signals_.forget();
    tell_workers(SIGTERM);
    const auto end = Clock::now() + std::chrono::seconds(kInterruptSeconds);
    while (!workers_.empty() && Clock::now() < end && !signals_.arrived()) {
      wait_for_news();
      for (auto& worker : workers_) {
        hear(*worker);
        if (!worker->has_ended()) continue;
        const auto ended = std::move(worker);
        const Outcome outcome = outcome_of(*ended);
        if (outcome.status == Outcome::Status::kDone) settle(ended->job, outcome);
      }
      std::erase(workers_, nullptr);
      observer_.tick();
    }
  }

  void start_ready_jobs() {
    for (std::size_t job = 0; job < jobs_.size() && workers_.size() < most_; ++job) {
      if (is_over()) return;
      if (started_[job]) continue;
      const Outcome* needed =
          jobs_[job].after ? &result_.outcomes[*jobs_[job].after] : nullptr;
      if (needed != nullptr && needed->status == Outcome::Status::kNotRun) continue;
      started_[job] = true;
      if (needed != nullptr && needed->status == Outcome::Status::kFailed) {
        fail(job, "its float baseline failed: " + needed->failure);
      } else {
        start(job);
      }
    }
  }

  void start(std::size_t job) {
    try {
      workers_.push_back(std::make_unique<Worker>(job, jobs_[job]));
      observer_.started(job);
    } catch (const RunError& error) {
      fail(job, error.what());
    }
  }

  void fail(std::size_t job, const std::string& why) {
    settle(job, {.status = Outcome::Status::kFailed, .failure = why});
  }

  void settle(std::size_t job, Outcome outcome) {
    result_.outcomes[job] = std::move(outcome);
    try {
      observer_.finished(job, result_.outcomes[job]);
    } catch (const DiskFullError& error) {
      result_.disk_full = error.what();
    }
  }

  void wait_for_news() {
    std::vector<pollfd> entries = {{signals_.descriptor(), POLLIN, 0}};
    for (const auto& worker : workers_) {
      for (const LineReader* reader :
           {&worker->process.output(), &worker->process.complaints()}) {
        // A closed one is -1, which poll passes over.
        entries.push_back({reader->descriptor(), POLLIN, 0});
      }
    }
    poll(entries.data(), entries.size(), kTickMilliseconds);
  }

  void hear(Worker& worker) {
    for (const auto& line : worker.process.output().read()) {
      const auto message = from_line(line);
      if (!message) continue;
      switch (message->kind) {
        case WorkerMessage::Kind::kProgress:
          observer_.progress(worker.job, message->progress);
          break;
        case WorkerMessage::Kind::kWarning:
          observer_.warning(worker.job, message->text);
          break;
        case WorkerMessage::Kind::kNote:
          observer_.note(worker.job, message->text);
          break;
        default:
          worker.verdict = message;
      }
    }
    for (auto& line : worker.process.complaints().read()) {
      worker.last_complaint = std::move(line);
    }
  }

  void settle_ended_workers() {
    for (auto& worker : workers_) {
      if (!worker->has_ended()) continue;
      const auto ended = std::move(worker);
      const Outcome outcome = outcome_of(*ended);
      if (is_over()) return;
      settle(ended->job, outcome);
    }
    std::erase(workers_, nullptr);
    start_ready_jobs();
  }

  Outcome outcome_of(Worker& worker) {
    const int status = worker.process.wait();
    hear(worker);  // what it said last
    const std::chrono::duration<double> lasted = Clock::now() - worker.started;
    Outcome outcome{.status = Outcome::Status::kFailed, .seconds = lasted.count()};
    // A signal to the whole group may reach the worker first; the batch was meant.
    const bool is_stopped = WIFSIGNALED(status) || exit_code(status) == kStoppedCode;
    if (is_stopped && (result_.interrupted || signals_.arrived(kGraceMilliseconds))) {
      result_.interrupted = true;
      return outcome;
    }
    if (worker.verdict && worker.verdict->kind == WorkerMessage::Kind::kDiskFull) {
      result_.disk_full = worker.verdict->text;
    } else if (worker.verdict && worker.verdict->kind == WorkerMessage::Kind::kFailed) {
      outcome.failure = worker.verdict->text;
    } else if (const auto reason = exit_reason(status); !reason.empty()) {
      outcome.failure = worker.last_complaint.empty()
                            ? reason
                            : fmt::format("{}: {}", reason, worker.last_complaint);
    } else if (!worker.verdict) {
      outcome.failure = "ended without a result";
    } else {
      accept(worker, outcome);
    }
    return outcome;
  }

  void accept(const Worker& worker, Outcome& outcome) {
    try {
      complete_(worker.job);
      outcome.status = Outcome::Status::kDone;
      outcome.test_accuracy = worker.verdict->test_accuracy;
    } catch (const RunError& error) {
      outcome.failure = error.what();
    }
  }

  const std::vector<Job>& jobs_;
  const std::size_t most_;
  const std::function<void(std::size_t)>& complete_;
  ScheduleObserver& observer_;
  const InterruptSignals signals_;
  std::vector<bool> started_;
  std::vector<std::unique_ptr<Worker>> workers_;
  ScheduleResult result_;
};

}  // namespace

ScheduleResult run_jobs(const std::vector<Job>& jobs, int workers,
                        const std::function<void(std::size_t job)>& complete,
                        ScheduleObserver& observer) {
  return Schedule(jobs, workers, complete, observer).run();
}

}  // namespace bitsweep
