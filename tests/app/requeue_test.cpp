// A job of Slurm's that is told of its end. The pipeline trains nothing.
#include <chrono>
#include <fstream>

#include <catch2/catch.hpp>

#include "tests/app/fake_slurm.h"
#include "tests/app/fake_study.h"

using namespace bitsweep;
using Catch::Matchers::Contains;
using testing::FakeSlurm;
using testing::Study;

// Run 17 sends its batch the notice of a time limit (fake_program.cpp).
TEST_CASE("a task whose time is nearly up has itself started again") {
  const Study study("[1, 17]");
  const FakeSlurm slurm;
  const auto asked = (slurm / "asked").string();
  slurm.command("scontrol", "echo \"$@\" >" + asked);
  const std::string before =
      slurm.path() + " SLURM_JOB_ID=14 SLURM_ARRAY_JOB_ID=12 SLURM_ARRAY_TASK_ID=3 " +
      testing::kMisbehaving;
  const auto noticed = study.run("--jobs 1 --requeue", before);
  CAPTURE(noticed.err);
  CHECK(noticed.code == 130);
  CHECK_THAT(noticed.err,
             Contains("interrupted; 2 of 4 runs are done") &&
                 Contains("the time limit is near and runs are left: Slurm starts job "
                          "12_3 again\n"));
  CHECK(testing::file_text(asked) == "requeue 12_3\n");
  for (const auto& name : study.files()) CHECK_THAT(name, !Contains("lease"));

  std::filesystem::remove(asked);
  const auto stuck = study.run("--jobs 1 --requeue", before);
  CHECK(stuck.code == 1);
  CHECK_THAT(stuck.err,
             Contains("the notice of its time limit came before any run got on, "
                      "and would again: job 12_3 is not started again"));
  CHECK_FALSE(std::filesystem::exists(asked));
}

TEST_CASE("where Slurm does not start a task again, it says so") {
  const Study study("[1, 17]");
  const FakeSlurm slurm;
  slurm.command("scontrol", "echo 'Requeue not allowed for job 9' >&2; exit 1");
  const auto noticed = study.run(
      "--jobs 1 --requeue", slurm.path() + " SLURM_JOB_ID=9 " + testing::kMisbehaving);
  CHECK(noticed.code == 1);
  CHECK_THAT(noticed.err, Contains("Slurm did not take job 9 back to start it again: "
                                   "Requeue not allowed for job 9; `bitsweep submit`"));
}

TEST_CASE("what failed since the job was submitted is not tried again by its tasks") {
  const Study study("[1, 11]");
  const auto submit = [&](const std::string& job, std::chrono::hours ahead) {
    const auto script = study.out() / "slurm" / (job + ".sh");
    std::filesystem::create_directories(script.parent_path());
    std::ofstream(script) << "#!/bin/bash\n";
    std::filesystem::last_write_time(
        script, std::filesystem::file_time_type::clock::now() + ahead);
  };
  const auto run = [&](const std::string& job) {
    const auto finished =
        study.run("--requeue", "SLURM_JOB_ID=" + job + " " + testing::kMisbehaving);
    CAPTURE(finished.err);
    CHECK(finished.code == 1);
    CHECK_THAT(finished.err, Contains("failed: float, seed 11: conv1/weight") &&
                                 Contains("failed: twn w2, seed 11: its float baseline"));
    return finished.err;
  };
  submit("12", std::chrono::hours(-1));
  submit("13", std::chrono::hours(1));
  CHECK_THAT(run("12"), Contains("float, seed 11: started"));
  CHECK_THAT(run("12"), Contains("(in another process)") && !Contains("started"));
  CHECK_THAT(run("13"), Contains("float, seed 11: started"));
}

TEST_CASE("without --requeue a notice saves, and outside of Slurm it is refused") {
  const Study study("[1, 17]");
  const auto run = study.run("--jobs 1", testing::kMisbehaving);
  CAPTURE(run.err);
  CHECK(run.code == 0);
  const auto refused = study.run("--requeue", "env -u SLURM_JOB_ID");
  CHECK(refused.code == 2);
  CHECK_THAT(refused.err, Contains("run: --requeue: this is no job of Slurm's"));
}
