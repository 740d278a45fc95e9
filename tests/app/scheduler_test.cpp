#include "framework/app/schedule/scheduler.h"

#include <algorithm>
#include <fstream>
#include <iterator>

#include <catch2/catch.hpp>
#include <signal.h>

#include "framework/core/error.h"
#include "framework/results/whole_file.h"
#include "tests/results/scratch_folder.h"

using namespace bitsweep;
using Catch::Matchers::StartsWith;
using Status = Outcome::Status;

namespace {

const std::string kDone = "printf 'bitsweep-worker\\tdone\\t0.5\\n'";

Job shell(const std::string& script, std::optional<std::size_t> after = {}) {
  const Order order{{"/bin/sh", "-c", script}, "the run's text\n"};
  return {[order] { return order; }, after};
}

class Recorder final : public ScheduleObserver {
 public:
  void started(std::size_t job) override {
    events.push_back("start " + std::to_string(job));
    most_at_once = std::max(most_at_once, ++running_);
  }
  void progress(std::size_t, const RunObserver::Progress& p) override {
    events.push_back("progress " + p.stage);
  }
  void warning(std::size_t, const std::string& text) override {
    events.push_back("warning " + text);
  }
  void complaint(std::size_t, const std::string& text) override {
    events.push_back("complaint " + text);
  }
  void stopped(std::size_t job, const std::string& why) override {
    events.push_back("stopped " + std::to_string(job) + " " + why);
    --running_;
  }
  void waiting(std::size_t job, const std::string& holder,
               std::size_t jobs_behind_it) override {
    events.push_back("waiting " + std::to_string(job) + " " + holder + " " +
                     std::to_string(jobs_behind_it));
  }
  void finished(std::size_t job, const Outcome&) override {
    events.push_back("finish " + std::to_string(job));
    --running_;
  }

  std::vector<std::string> events;
  int most_at_once = 0;

 private:
  int running_ = 0;
};

ScheduleResult scheduled(const std::vector<Job>& jobs, ScheduleOptions options,
                         ScheduleObserver& observer, JobClaims&& claims = JobClaims()) {
  return run_jobs(
      jobs, options, [](std::size_t) {}, claims, observer);
}

ScheduleResult scheduled(const std::vector<Job>& jobs, int workers = 2) {
  Recorder unheard;
  return scheduled(jobs, {.workers = workers}, unheard);
}

std::string failure_of(const std::string& script) {
  const auto outcome = scheduled({shell(script)}).outcomes.front();
  REQUIRE(outcome.status == Status::kFailed);
  return outcome.failure;
}

}  // namespace

TEST_CASE("a worker gets its text and gives back an accuracy") {
  const auto result =
      scheduled({shell("test \"$(cat)\" = \"the run's text\" && " + kDone)});
  CHECK(result.outcomes.front().status == Status::kDone);
  CHECK(result.outcomes.front().test_accuracy == 0.5);
  CHECK_FALSE(result.interrupted);
}

TEST_CASE("a worker that crashes is told apart from one that says why") {
  // What is said of memory is what the machine counts.
  CHECK_THAT(failure_of("kill -9 $$"), StartsWith("killed by signal 9 ("));
  CHECK(failure_of("echo 'x.cpp:3: broken invariant' >&2; kill -ABRT $$") ==
        "killed by signal 6 (Aborted): x.cpp:3: broken invariant");
  CHECK(failure_of("exit 3") == "ended with status 3");
  CHECK(failure_of("exit 0") == "ended without a result");
  CHECK(failure_of("printf 'bitsweep-worker\\tfailed\\tloss is NaN\\n'; exit 1") ==
        "loss is NaN");
  CHECK(failure_of(kDone + "; exit 4") == "ended with status 4");
}

TEST_CASE("a crash costs one job and those that wait for it") {
  const auto outcomes =
      scheduled({shell("kill -SEGV $$"), shell(kDone), shell(kDone, 0), shell(kDone, 1)})
          .outcomes;
  CHECK(outcomes[0].status == Status::kFailed);
  CHECK(outcomes[1].status == Status::kDone);
  CHECK(outcomes[2].status == Status::kFailed);
  CHECK(outcomes[2].failure ==
        "its float baseline failed: killed by signal 11 (Segmentation fault)");
  CHECK(outcomes[3].status == Status::kDone);
}

TEST_CASE("a job starts when the one it needs has been completed") {
  std::vector<std::string> order;
  class Order final : public ScheduleObserver {
   public:
    explicit Order(std::vector<std::string>& events) : events_(events) {}
    void started(std::size_t job) override {
      events_.push_back("start " + std::to_string(job));
    }

   private:
    std::vector<std::string>& events_;
  } observer(order);
  JobClaims claims;
  run_jobs(
      {shell("sleep 0.05; " + kDone), shell(kDone, 0)}, {.workers = 2},
      [&](std::size_t job) { order.push_back("complete " + std::to_string(job)); },
      claims, observer);
  CHECK(order ==
        std::vector<std::string>{"start 0", "complete 0", "start 1", "complete 1"});
}

TEST_CASE("no more workers run at once than allowed") {
  Recorder recorder;
  const std::vector<Job> jobs(5, shell("sleep 0.02; " + kDone));
  scheduled(jobs, {.workers = 2}, recorder);
  CHECK(recorder.most_at_once == 2);
}

TEST_CASE("a job whose result cannot be kept has failed") {
  Recorder recorder;
  JobClaims claims;
  const auto outcomes =
      run_jobs(
          {shell(kDone), shell(kDone, 0)}, {.workers = 1},
          [](std::size_t) { throw RunError("the disk is full"); }, claims, recorder)
          .outcomes;
  CHECK(outcomes[0].failure == "the disk is full");
  CHECK(outcomes[1].failure == "its float baseline failed: the disk is full");
}

TEST_CASE("what workers say is heard, what libraries print is not") {
  Recorder recorder;
  scheduled({shell("echo noise; printf "
                   "'bitsweep-worker\\tprogress\\ttrain\\t1\\t2\\t0.5\\t0.7\\t0.9\\n"
                   "bitsweep-worker\\twarning\\tscale is 0\\n'; " +
                   kDone)},
            {.workers = 1}, recorder);
  CHECK(recorder.events == std::vector<std::string>{"start 0", "progress train",
                                                    "warning scale is 0", "finish 0"});
}

TEST_CASE("a worker without a program is a failure, not a hang") {
  const auto outcomes = scheduled({{[] {
                                      return Order{{"/no/such/program"}, ""};
                                    },
                                    {}}})
                            .outcomes;
  CHECK(outcomes.front().failure == "ended with status 127");
}

TEST_CASE("a full disk ends the schedule, whoever meets it") {
  const auto told = scheduled({shell("printf 'bitsweep-worker\\tdisk full\\tno room\\n'"),
                               shell(kDone), shell(kDone)},
                              1);
  CHECK(told.disk_full == "no room");
  CHECK_FALSE(told.interrupted);
  CHECK(told.outcomes[1].status == Status::kNotRun);
  class Full final : public ScheduleObserver {
   public:
    void finished(std::size_t, const Outcome&) override {
      throw DiskFullError("no room");
    }
  } full;
  const auto thrown = scheduled({shell("exit 1"), shell(kDone)}, {.workers = 1}, full);
  CHECK(thrown.disk_full == "no room");
  CHECK(thrown.outcomes[1].status == Status::kNotRun);
}

TEST_CASE("an interrupt ends workers and keeps what is done") {
  class Interrupter final : public ScheduleObserver {
   public:
    void finished(std::size_t, const Outcome&) override { raise(SIGTERM); }
  } interrupter;
  const auto result = scheduled({shell(kDone), shell("sleep 60"), shell(kDone)},
                                {.workers = 2}, interrupter);
  CHECK(result.interrupted);
  CHECK(result.outcomes[0].status == Status::kDone);
  CHECK(result.outcomes[1].status == Status::kNotRun);
}

TEST_CASE("a job that is not finished in its time has failed") {
  Recorder recorder;
  const auto result = scheduled({shell("sleep 60"), shell(kDone)},
                                {.workers = 1, .timeout_seconds = 0.1}, recorder);
  CHECK(result.outcomes[0].failure == "not finished after 0 s, its --timeout");
  CHECK(result.outcomes[1].status == Status::kDone);
}

TEST_CASE(
    "what crashed is tried again as often as allowed, what failed by itself is not") {
  const testing::ScratchFolder scratch;
  const std::string count = "echo x >> " + (scratch / "tries").string() + "; ";
  const std::string third =
      count + "test $(wc -l < " + (scratch / "tries").string() + ") -ge 3 && " + kDone;
  Recorder recorder;
  const ScheduleOptions twice{.workers = 1, .retries = 2};
  CHECK(scheduled({shell(third)}, twice, recorder).outcomes[0].status == Status::kDone);
  CHECK(recorder.events[1] == "stopped 0 ended with status 1; tried again, 1 of 2");
  Recorder unheard;
  const auto always = scheduled({shell(count + "exit 1")}, twice, unheard);
  CHECK(always.outcomes[0].failure == "ended with status 1");
  const auto lines = [&] {
    std::ifstream file(scratch / "tries");
    return std::count(std::istreambuf_iterator<char>(file), {}, '\n');
  };
  CHECK(lines() == 3 + 3);
  scheduled(
      {shell(count + "printf 'bitsweep-worker\\tfailed for good\\tNaN\\n'; exit 1")},
      twice, unheard);
  CHECK(lines() == 3 + 3 + 1);
}

TEST_CASE("with fail-fast nothing is started after a failure") {
  Recorder recorder;
  const auto result =
      scheduled({shell("exit 1"), shell("sleep 0.1; " + kDone), shell(kDone)},
                {.workers = 2, .fail_fast = true}, recorder);
  CHECK(result.failed_fast);
  CHECK(result.outcomes[1].status == Status::kDone);  // it was under way
  CHECK(result.outcomes[2].status == Status::kNotRun);
}

namespace {

// Job 0 is held by another process for a while, which then has done it.
class Shared final : public JobClaims {
 public:
  explicit Shared(int asked) : left_(asked) {}
  Answer claim(std::size_t job) override {
    if (job != 0) return {};
    if (left_-- > 0) return {Answer::Kind::kHeld, "node7", {}};
    return {Answer::Kind::kSettled, {}, {.status = Status::kDone, .elsewhere = true}};
  }

 private:
  int left_;
};

}  // namespace

TEST_CASE("what others hold is waited for where jobs here need it, and told of once") {
  Recorder recorder;
  const auto result =
      scheduled({shell("exit 1"), shell(kDone, 0), shell(kDone, 0)},
                {.workers = 1, .ask_again_seconds = 0.02}, recorder, Shared(3));
  CHECK(recorder.events == std::vector<std::string>{"waiting 0 node7 2", "finish 0",
                                                    "start 1", "finish 1", "start 2",
                                                    "finish 2"});
  CHECK(result.outcomes[0].elsewhere);
  CHECK(result.held.empty());
}

TEST_CASE("what others hold and nothing here needs is left to them") {
  Recorder recorder;
  const auto result =
      scheduled({shell("exit 1"), shell(kDone)}, {.workers = 1}, recorder, Shared(1000));
  CHECK(result.outcomes[0].status == Status::kNotRun);
  CHECK(result.outcomes[1].status == Status::kDone);
  CHECK(result.held == std::vector<std::size_t>{0});
}

TEST_CASE("what a silent holder may have left behind is waited for") {
  class Silent final : public JobClaims {
   public:
    Answer claim(std::size_t) override {
      if (++asked_ == 3) return {};
      return {Answer::Kind::kHeld, "node7", {}, true};
    }

   private:
    int asked_ = 0;
  };
  Recorder recorder;
  const auto result =
      scheduled({shell(kDone)}, {.ask_again_seconds = 0.01}, recorder, Silent());
  CHECK(result.outcomes[0].status == Status::kDone);
  CHECK(result.held.empty());
  CHECK(recorder.events ==
        std::vector<std::string>{"waiting 0 node7 0", "start 0", "finish 0"});
}

TEST_CASE("a job that others took over is ended here") {
  class Lost final : public JobClaims {
   public:
    Answer claim(std::size_t) override {
      if (!asked_) return asked_ = true, Answer{};
      return {Answer::Kind::kSettled, {}, {.status = Status::kDone, .elsewhere = true}};
    }
    bool is_lost(std::size_t) override { return true; }

   private:
    bool asked_ = false;
  };
  Recorder recorder;
  const auto result = scheduled({shell("sleep 60")}, {.workers = 1}, recorder, Lost());
  CHECK(result.outcomes[0].elsewhere);
}
