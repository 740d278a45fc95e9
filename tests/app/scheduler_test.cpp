#include "framework/app/schedule/scheduler.h"

#include <map>

#include <catch2/catch.hpp>
#include <signal.h>

#include "framework/core/error.h"
#include "framework/results/whole_file.h"

using namespace bitsweep;
using Status = Outcome::Status;

namespace {

const std::string kDone = "printf 'bitsweep-worker\\tdone\\t0.5\\n'";

Job shell(const std::string& script, std::optional<std::size_t> after = {}) {
  return {{"/bin/sh", "-c", script}, "the run's text\n", after};
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
  void finished(std::size_t job, const Outcome&) override {
    events.push_back("finish " + std::to_string(job));
    --running_;
  }

  std::vector<std::string> events;
  int most_at_once = 0;

 private:
  int running_ = 0;
};

ScheduleResult scheduled(const std::vector<Job>& jobs, int workers = 2) {
  Recorder unheard;
  return run_jobs(
      jobs, workers, [](std::size_t) {}, unheard);
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
  CHECK(failure_of("kill -9 $$") == "killed by signal 9 (out of memory?)");
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
  run_jobs(
      {shell("sleep 0.05; " + kDone), shell(kDone, 0)}, 2,
      [&](std::size_t job) { order.push_back("complete " + std::to_string(job)); },
      observer);
  CHECK(order ==
        std::vector<std::string>{"start 0", "complete 0", "start 1", "complete 1"});
}

TEST_CASE("no more workers run at once than allowed") {
  Recorder recorder;
  const std::vector<Job> jobs(5, shell("sleep 0.02; " + kDone));
  run_jobs(
      jobs, 2, [](std::size_t) {}, recorder);
  CHECK(recorder.most_at_once == 2);
}

TEST_CASE("a job whose result cannot be kept has failed") {
  Recorder recorder;
  const auto outcomes =
      run_jobs(
          {shell(kDone), shell(kDone, 0)}, 1,
          [](std::size_t) { throw RunError("the disk is full"); }, recorder)
          .outcomes;
  CHECK(outcomes[0].failure == "the disk is full");
  CHECK(outcomes[1].failure == "its float baseline failed: the disk is full");
}

TEST_CASE("what workers say is heard, what libraries print is not") {
  Recorder recorder;
  run_jobs(
      {shell("echo noise; printf "
             "'bitsweep-worker\\tprogress\\ttrain\\t1\\t2\\t0.5\\t0.7\\t0.9\\n"
             "bitsweep-worker\\twarning\\tscale is 0\\n'; " +
             kDone)},
      1, [](std::size_t) {}, recorder);
  CHECK(recorder.events == std::vector<std::string>{"start 0", "progress train",
                                                    "warning scale is 0", "finish 0"});
}

TEST_CASE("a worker without a program is a failure, not a hang") {
  const auto outcomes = scheduled({{{"/no/such/program"}, "", {}}}).outcomes;
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
  const auto thrown = run_jobs(
      {shell("exit 1"), shell(kDone)}, 1, [](std::size_t) {}, full);
  CHECK(thrown.disk_full == "no room");
  CHECK(thrown.outcomes[1].status == Status::kNotRun);
}

TEST_CASE("an interrupt ends workers and keeps what is done") {
  class Interrupter final : public ScheduleObserver {
   public:
    void finished(std::size_t, const Outcome&) override { raise(SIGTERM); }
  } interrupter;
  const auto result = run_jobs(
      {shell(kDone), shell("sleep 60"), shell(kDone)}, 2, [](std::size_t) {},
      interrupter);
  CHECK(result.interrupted);
  CHECK(result.outcomes[0].status == Status::kDone);
  CHECK(result.outcomes[1].status == Status::kNotRun);
}
