// Submitting to Slurm, with commands of Slurm's that the tests make up. What a real one
// makes of it: slurm_cluster.py. The pipeline trains nothing.
#include <cmath>

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "framework/app/slurm/job_script.h"
#include "framework/app/slurm/job_status.h"
#include "framework/core/error.h"
#include "tests/app/fake_slurm.h"
#include "tests/app/fake_study.h"

using namespace bitsweep;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;
using testing::FakeSlurm;
using testing::Study;

namespace {

namespace fs = std::filesystem;

JobScript script_of(const std::vector<std::string>& command) {
  JobScript script;
  script.made_by = "bitsweep submit study.yaml";
  script.name = "survey";
  script.folder = "/home/ada";
  script.logs = "/scratch/ada/survey/slurm";
  script.command = command;
  return script;
}

std::string line_of(const std::string& text, const std::string& begin) {
  const auto at = text.find(begin);
  return at == std::string::npos ? "" : text.substr(at, text.find('\n', at) - at);
}

}  // namespace

TEST_CASE("job scripts are as approved") {
  auto full =
      script_of({"/opt/bitsweep", "run", "study.yaml", "--out", "/scratch/ada/a survey",
                 "--jobs", "2", "--set", "name=it's \"new\"", "--requeue"});
  full.tasks = 8;
  full.cpus = 4;
  full.memory = "3G";
  full.time = "2-12";
  full.partition = "long,short";
  full.account = "quant";
  full.notice_seconds = 300;
  full.more = {"qos=low", "--mail-type=END", "-C avx512", "exclusive",
               "comment=a \"b\" \\ c"};
  full.folder = "/home/ada/with space";
  full.logs = "/scratch/100%/a survey/slurm";
  full.environment = {{"BITSWEEP_DATA", "/data/it's here"}};
  const std::string text =
      script_of({"/opt/bitsweep", "run", "study.yaml", "--requeue"}).text() +
      "----------\n" + full.text();
  CAPTURE(text);
  CHECK(testing::is_approved("job_scripts.txt", text));
}

TEST_CASE("time limits are read as sbatch reads them") {
  CHECK(time_limit_seconds("90") == 90 * 60);
  CHECK(time_limit_seconds("90:30") == 90 * 60 + 30);
  CHECK(time_limit_seconds("12:00:05") == 12 * 3600 + 5);
  CHECK(time_limit_seconds("2-12") == (2 * 24 + 12) * 3600);
  CHECK(time_limit_seconds("2-12:30") == (2 * 24 + 12) * 3600 + 30 * 60);
  CHECK(time_limit_seconds("1-00:00:01") == 24 * 3600 + 1);
  CHECK(std::isinf(time_limit_seconds("UNLIMITED")));
  for (const std::string wrong : {"", "soon", "2h", "1:2:3:4", "-5", "2-", "1.5"}) {
    CHECK_THROWS_WITH(time_limit_seconds(wrong),
                      Contains("'" + wrong + "' is no time limit; write minutes (90)"));
  }
}

TEST_CASE("tasks are read from what squeue tells") {
  const auto tasks = queued_tasks(
      {"12   |3   |RUNNING   |node7   |None   |1:02:03   |0   |",
       "12   |4   |PENDING   |         |BeginTime|0:00   |2   |", "slurm: a greeting",
       "12   |5   |NODE_FAIL |node8    |N/A      |5:00   |1   |"});
  REQUIRE(tasks.size() == 3);
  CHECK(tasks[0].name == "12_3");
  CHECK(tasks[0].state == "running");
  CHECK(tasks[0].nodes == "node7");
  CHECK(tasks[0].elapsed == "1:02:03");
  CHECK(tasks[1].state == "requeued");
  CHECK(tasks[1].reason == "BeginTime");
  CHECK(tasks[1].restarts == 2);
  CHECK(tasks[2].state == "node_fail");
  CHECK(tasks[2].reason.empty());
}

TEST_CASE("a dry run prints the script, and leaves nothing") {
  const Study study("[1, 2, 3]");
  const auto dry = study.command(
      "submit",
      "--dry-run --array 3 --cpus 4 --threads 2 --time 60 --set "
      "training.epochs=2 --only 'seed != 2' --data-dir . --retries 1 --out " +
          study.out().string());
  CAPTURE(dry.out, dry.err);
  CHECK(dry.code == 0);
  const std::string out = study.out().string();
  CHECK(line_of(dry.out, "#SBATCH --array") == "#SBATCH --array=1-2");  // for 4 runs
  CHECK(line_of(dry.out, "#SBATCH --cpus") == "#SBATCH --cpus-per-task=4");
  CHECK_THAT(line_of(dry.out, "#SBATCH --mem="),
             Catch::Matchers::Matches(".*=[0-9]+00M"));
  CHECK(line_of(dry.out, "#SBATCH --output") ==
        "#SBATCH --output=" + out + "/slurm/%A_%a.log");
  CHECK(line_of(dry.out, "#SBATCH --chdir") ==
        "#SBATCH --chdir=" + fs::current_path().string());
  CHECK_THAT(
      line_of(dry.out, "exec "),
      StartsWith("exec " + fs::canonical(BITSWEEP_FAKE_PROGRAM).string() + " run "));
  CHECK_THAT(dry.out, Contains("\n  --out " + out +
                               " \\\n  --jobs 2 \\\n  --threads 2 \\\n"
                               "  --data-dir ") &&
                          Contains("--set training.epochs=2 \\\n  --only 'seed != 2' \\\n"
                                   "  --retries 1 \\\n  --requeue\n"));
  CHECK_THAT(dry.err, Contains("2 tasks for 4 runs: --array 3 asks for more"));
  CHECK_FALSE(fs::exists(study.out()));
}

TEST_CASE("a job that Slurm takes is kept with the results, and status tells of it") {
  const Study study("[1, 2]");
  const FakeSlurm slurm;
  slurm.command("sbatch", "echo Welcome; echo \"$@\" >" + (slurm / "asked").string() +
                              "; echo '4711;cluster'");
  const std::string options = "--array 2 --out " + study.out().string();
  const auto submitted = study.command("submit", options, slurm.path());
  CAPTURE(submitted.err);
  CHECK(submitted.code == 0);
  const auto own = study.out() / "slurm";
  CHECK_THAT(submitted.out,
             StartsWith("submitted: Slurm job 4711, 2 tasks for 4 runs\nscript: " +
                        (own / "4711.sh").string() + ", logs: "));
  CHECK_THAT(testing::file_text(slurm / "asked"), StartsWith("--parsable /"));
  CHECK_THAT(testing::file_text(own / "4711.sh"), StartsWith("#!/bin/bash\n"));

  const auto status = [&] {
    return testing::run_program("status " + study.out().string(), slurm.path()).out;
  };
  CHECK_THAT(status(), Contains("4 runs: 0 done, 0 running, 0 failed, 4 to do\n") &&
                           Contains("Slurm job 4711: how they stand can be told where "
                                    "squeue is\n"));
  slurm.command("squeue",
                "echo 'slurm_load_jobs error: Unable to contact controller' >&2;"
                "exit 1");
  CHECK_THAT(status(), Contains("Slurm job 4711: squeue does not tell: slurm_load_jobs "
                                "error: Unable to contact controller\n"));
  slurm.command("squeue",
                "echo 'slurm_load_jobs error: Invalid job id specified' >&2;"
                "exit 1");
  CHECK_THAT(status(), Contains("Slurm job 4711: no longer in the queue; logs: "));
  slurm.command("squeue",
                "echo '4711|2|PENDING||BeginTime|0:00|1|';"
                "echo '4711|1|RUNNING|node7|None|1:02|0|'");
  CHECK_THAT(status(), Contains("\nSlurm job 4711: 2 tasks: 1 running, 1 requeued\n"
                                "  4711_1  running on node7 for 1:02\n"
                                "  4711_2  requeued (BeginTime), 1 restart\n"));
  const auto more = study.command("submit", options, slurm.path());
  CHECK_THAT(more.err, Contains("job 4711 of this folder has not finished yet"));
}

TEST_CASE("what is done already is not submitted") {
  const Study study("1");
  study.run();
  const FakeSlurm slurm;
  const auto submitted =
      study.command("submit", "--out " + study.out().string(), slurm.path());
  CHECK(submitted.code == 0);
  CHECK(submitted.out.empty());
  CHECK_THAT(submitted.err,
             Contains("bitsweep: no run is left to do, so nothing was submitted"));
  CHECK_FALSE(fs::exists(study.out() / "slurm"));
}

TEST_CASE(
    "without sbatch, or where it refuses, there is a sentence and nothing is left") {
  const Study study("1");
  const FakeSlurm slurm;
  const auto submit = [&] {
    const auto finished = study.command(
        "submit", "--out " + (study.out() / "new/a").string(), slurm.path());
    CHECK(finished.code == 2);
    CHECK(finished.out.empty());
    CHECK_FALSE(fs::exists(study.out()));
    return finished.err;
  };
  CHECK_THAT(submit(),
             Contains("submit: there is no sbatch here; submit from a machine"));
  slurm.command("sbatch",
                "echo 'sbatch: error: invalid partition specified: x' >&2;"
                "echo 'sbatch: error: Batch job submission failed' >&2; exit 1");
  CHECK_THAT(submit(), Contains("submit: sbatch refused the job: invalid partition "
                                "specified: x; Batch job submission failed\n"));
  slurm.command("sbatch", "echo Submitted");
  CHECK_THAT(submit(), Contains("sbatch said 'Submitted', expected the job's number"));
}

TEST_CASE("what cannot be submitted is refused as approved") {
  std::string text;
  for (const std::string options :
       {"--time soon", "--time 3", "--time 10 --notice 600", "--memory lots",
        "--memory 0G", "--memory 3", "--sbatch mem=5G", "--partition ''", "--array 0",
        "--cpus 2 --jobs 4", "--threads 1000 --jobs 2000000000",
        "--threads 3 --jobs 2 --cpus 4", "--notice 0", "--retries -1", "--timeout never",
        "--sbatch ''", "--sbatch --qos=low", "--shard 1/2", "--force"}) {
    const auto refused = testing::run_program("submit no-such-study.yaml " + options);
    text += fmt::format("$ bitsweep submit study.yaml {}\n{}[{}]\n\n", options,
                        refused.err, refused.code);
  }
  CAPTURE(text);
  CHECK(testing::is_approved("submit_refusals.txt", text));
}

TEST_CASE("submit refuses what run would refuse, and another study's folder") {
  const Study study("1");
  study.run();
  const auto out = "--dry-run --out " + study.out().string();
  const auto batch = study.command("submit", "--set training.batch_size=7 " + out);
  CHECK(batch.code == 2);
  CHECK_THAT(batch.err, Contains("a batch of 7 does not fit"));
  const auto other = study.command("submit", "--set name=other " + out);
  CHECK(other.code == 2);
  CHECK_THAT(other.err, Contains("holds the study 'tiny', this one is 'other'"));
}
