// A job of Slurm's that is told of its end. The pipeline trains nothing.
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

TEST_CASE("without --requeue a notice saves, and outside of Slurm it is refused") {
  const Study study("[1, 17]");
  const auto run = study.run("--jobs 1", testing::kMisbehaving);
  CAPTURE(run.err);
  CHECK(run.code == 0);
  const auto refused = study.run("--requeue", "env -u SLURM_JOB_ID");
  CHECK(refused.code == 2);
  CHECK_THAT(refused.err, Contains("run: --requeue: this is no job of Slurm's"));
}
