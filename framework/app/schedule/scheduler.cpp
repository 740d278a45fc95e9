#include "framework/app/schedule/scheduler.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <numeric>
#include <set>

#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>

#include "framework/app/schedule/interrupt.h"
#include "framework/app/schedule/time_left.h"
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
  Worker(std::size_t index, const Order& order)
      : job(index), process(order.command, order.input) {}

  std::size_t job;
  std::optional<long> memory_kills_before = memory_kills();
  WorkerProcess process;
  Clock::time_point started = Clock::now();
  std::optional<WorkerMessage> verdict;  // kDone or kFailed
  std::string last_complaint;
  bool is_late = false;  // and killed for it

  bool has_ended() {
    const bool is_silent = !process.output().is_open() && !process.complaints().is_open();
    return is_silent || process.has_exited();
  }
  double seconds() const {
    return std::chrono::duration<double>(Clock::now() - started).count();
  }
};

// A worker's end, and whether another try may end otherwise.
struct Ending {
  Outcome outcome;
  bool lasting = true;
};

class Schedule {
 public:
  Schedule(const std::vector<Job>& jobs, const ScheduleOptions& options,
           const std::function<void(std::size_t)>& complete, JobClaims& claims,
           ScheduleObserver& observer)
      : jobs_(jobs),
        options_(options),
        most_(std::size_t(options.workers)),
        complete_(complete),
        claims_(claims),
        observer_(observer),
        states_(jobs.size()),
        pending_(jobs.size()) {
    std::iota(pending_.begin(), pending_.end(), std::size_t{0});
    result_.outcomes.resize(jobs.size());
  }

  ScheduleResult run() {
    start_ready_jobs();
    while (!is_over() && (!workers_.empty() || waits_for_others())) {
      wait_for_news();
      result_.interrupted = signals_.arrived();
      for (auto& worker : workers_) hear(*worker);
      if (signals_.take_save_request()) save_or_end();
      if (!is_over()) end_late_workers();
      if (!is_over()) settle_ended_workers();
      start_ready_jobs();
      observer_.tick();
    }
    if (is_over()) stop_workers();
    for (const auto job : pending_) {
      if (!states_[job].holder.empty()) result_.held.push_back(job);
    }
    std::vector<std::size_t> cut_short;
    for (const auto& worker : workers_) {
      if (worker) cut_short.push_back(worker->job);
    }
    workers_.clear();  // kills what still runs
    for (const auto job : cut_short) claims_.release(job);
    return std::move(result_);
  }

 private:
  struct State {
    std::string holder = {};  // another process, when it was last asked for
    bool is_silent = false;   // that process
    Clock::time_point ask_again = {};
    int tries = 0;
  };

  bool is_over() const { return result_.interrupted || !result_.disk_full.empty(); }

  void tell_workers(int signal) {
    for (auto& worker : workers_) worker->process.send(signal);
  }

  void save_or_end() {
    if (!options_.ends_on_notice) return tell_workers(SIGUSR1);
    result_.interrupted = result_.on_notice = true;
  }

  // What they still finish counts; what they are stopped in is for the next batch, from
  // the state that they keep now, or where the disk has no room, from an earlier one.
  void stop_workers() {
    signals_.forget();
    std::erase(workers_, nullptr);
    tell_workers(SIGTERM);
    const auto end = Clock::now() + std::chrono::seconds(kInterruptSeconds);
    while (!workers_.empty() && Clock::now() < end && !signals_.arrived()) {
      wait_for_news();
      for (auto& worker : workers_) {
        hear(*worker);
        if (!worker->has_ended()) continue;
        const auto ended = std::move(worker);
        const Ending ending = ending_of(*ended);
        if (ending.outcome.status == Outcome::Status::kDone) {
          settle(ended->job, ending.outcome);
        } else {
          claims_.release(ended->job);
        }
      }
      std::erase(workers_, nullptr);
      observer_.tick();
    }
  }

  void start_ready_jobs() {
    bool settled = true;  // what waits for a job may follow it at once
    while (settled && !is_over() && !result_.failed_fast) {
      settled = false;
      std::vector<std::size_t> left;
      for (const auto job : pending_) {
        if (!is_over() && !result_.failed_fast && begin(job, settled)) continue;
        left.push_back(job);
      }
      pending_ = std::move(left);
    }
  }

  // Whether the job is pending no more: it runs, or is settled.
  bool begin(std::size_t job, bool& settled) {
    const Outcome* needed =
        jobs_[job].after ? &result_.outcomes[*jobs_[job].after] : nullptr;
    if (needed != nullptr && needed->status == Outcome::Status::kNotRun) return false;
    if (needed != nullptr && needed->status == Outcome::Status::kFailed) {
      fail(job, "its float baseline failed: " + needed->failure);
      return settled = true;
    }
    if (workers_.size() >= most_ || Clock::now() < states_[job].ask_again) return false;
    try {
      const auto answer = claims_.claim(job);
      states_[job].holder = answer.holder;
      states_[job].is_silent = answer.is_silent;
      if (answer.kind == JobClaims::Answer::Kind::kHeld) {
        states_[job].ask_again = Clock::now() + seconds(options_.ask_again_seconds);
        return false;
      }
      if (answer.kind == JobClaims::Answer::Kind::kSettled) {
        settle(job, answer.outcome);
        return settled = true;
      }
      start(job);
      return true;
    } catch (const DiskFullError& error) {
      result_.disk_full = error.what();
      return false;
    } catch (const RunError& error) {
      fail(job, error.what());
      return settled = true;
    }
  }

  static Clock::duration seconds(double count) {
    return std::chrono::duration_cast<Clock::duration>(
        std::chrono::duration<double>(count));
  }

  void start(std::size_t job) {
    ++states_[job].tries;
    workers_.push_back(std::make_unique<Worker>(job, jobs_[job].order()));
    observer_.started(job);
  }

  // Nothing runs here, and something could that others have to finish first, or that they
  // may have left behind.
  bool waits_for_others() {
    if (result_.failed_fast) return false;
    std::map<std::size_t, std::size_t> behind;
    bool waits = false;
    for (const auto job : pending_) {
      if (states_[job].is_silent) behind[job] += 0;
      if (!states_[job].holder.empty() && !states_[job].is_silent) continue;
      waits = true;
      if (states_[job].holder.empty() && jobs_[job].after) ++behind[*jobs_[job].after];
    }
    for (const auto& [job, count] : behind) {
      if (states_[job].holder.empty() || !told_waiting_.insert(job).second) continue;
      observer_.waiting(job, states_[job].holder, count);
    }
    return waits;
  }

  void fail(std::size_t job, const std::string& why) {
    settle(job, {.status = Outcome::Status::kFailed, .failure = why});
  }

  void settle(std::size_t job, Outcome outcome) {
    result_.outcomes[job] = std::move(outcome);
    const Outcome& settled = result_.outcomes[job];
    try {
      observer_.finished(job, settled);
    } catch (const DiskFullError& error) {
      result_.disk_full = error.what();
    }
    claims_.release(job);
    const bool failed_here =
        settled.status == Outcome::Status::kFailed && !settled.elsewhere;
    if (failed_here && options_.fail_fast) result_.failed_fast = true;
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
      observer_.complaint(worker.job, line);
      worker.last_complaint = std::move(line);
    }
  }

  void end_late_workers() {
    for (auto& worker : workers_) {
      if (claims_.is_lost(worker->job)) {
        const std::size_t job = worker->job;
        worker.reset();
        claims_.release(job);
        observer_.stopped(job, "another process took it over, as this one was silent");
        pending_.push_back(job);
      } else if (options_.timeout_seconds > 0 &&
                 worker->seconds() > options_.timeout_seconds && !worker->is_late) {
        worker->is_late = true;
        worker->process.kill();
      }
    }
    std::erase(workers_, nullptr);
    std::sort(pending_.begin(), pending_.end());
  }

  void settle_ended_workers() {
    for (auto& worker : workers_) {
      if (!worker->has_ended()) continue;
      const auto ended = std::move(worker);
      Ending ending = ending_of(*ended);
      if (is_over()) return claims_.release(ended->job);
      const bool failed = ending.outcome.status == Outcome::Status::kFailed;
      if (failed && !ending.lasting && states_[ended->job].tries <= options_.retries) {
        try_again(ended->job, ending.outcome.failure);
      } else {
        settle(ended->job, std::move(ending.outcome));
      }
    }
    std::erase(workers_, nullptr);
    std::sort(pending_.begin(), pending_.end());
  }

  void try_again(std::size_t job, const std::string& why) {
    observer_.stopped(job, fmt::format("{}; tried again, {} of {}", why,
                                       states_[job].tries, options_.retries));
    claims_.release(job);
    pending_.push_back(job);
  }

  Ending ending_of(Worker& worker) {
    const int status = worker.process.wait();
    hear(worker);  // what it said last
    Ending ending{{.status = Outcome::Status::kFailed, .seconds = worker.seconds()}};
    // A signal to the whole group may reach the worker first; the batch was meant.
    const bool is_stopped = WIFSIGNALED(status) || exit_code(status) == kStoppedCode;
    if (is_stopped && (result_.interrupted || signals_.arrived(kGraceMilliseconds))) {
      result_.interrupted = true;
      return ending;
    }
    const auto& verdict = worker.verdict;
    if (verdict && verdict->kind == WorkerMessage::Kind::kDiskFull) {
      result_.disk_full = verdict->text;
    } else if (verdict && verdict->kind == WorkerMessage::Kind::kFailed) {
      ending.outcome.failure = verdict->text;
      ending.lasting = verdict->lasting;
    } else if (verdict && status == 0) {
      accept(worker, ending.outcome);
    } else {
      ending.outcome.failure = silent_end(worker, status);
      ending.lasting = false;
    }
    return ending;
  }

  // Of a worker that did not say why it ended.
  std::string silent_end(const Worker& worker, int status) const {
    if (worker.is_late) {
      return fmt::format("not finished after {}, its --timeout",
                         duration_text(options_.timeout_seconds));
    }
    const auto reason = exit_reason(status, worker.memory_kills_before);
    if (reason.empty()) return "ended without a result";
    return worker.last_complaint.empty()
               ? reason
               : fmt::format("{}: {}", reason, worker.last_complaint);
  }

  void accept(const Worker& worker, Outcome& outcome) {
    try {
      complete_(worker.job);
      outcome.status = Outcome::Status::kDone;
      outcome.test_accuracy = worker.verdict->test_accuracy;
    } catch (const DiskFullError& error) {
      result_.disk_full = error.what();
    } catch (const RunError& error) {
      outcome.failure = error.what();
    }
  }

  const std::vector<Job>& jobs_;
  const ScheduleOptions options_;
  const std::size_t most_;
  const std::function<void(std::size_t)>& complete_;
  JobClaims& claims_;
  ScheduleObserver& observer_;
  const InterruptSignals signals_;
  std::vector<State> states_;         // by job
  std::vector<std::size_t> pending_;  // jobs that neither run nor are settled, in order
  std::set<std::size_t> told_waiting_;
  std::vector<std::unique_ptr<Worker>> workers_;
  ScheduleResult result_;
};

}  // namespace

ScheduleResult run_jobs(const std::vector<Job>& jobs, const ScheduleOptions& options,
                        const std::function<void(std::size_t job)>& complete,
                        JobClaims& claims, ScheduleObserver& observer) {
  return Schedule(jobs, options, complete, claims, observer).run();
}

}  // namespace bitsweep
