// A batch whose plan is older than what others have kept since.
#include "framework/app/schedule/batch.h"

#include <fstream>

#include <catch2/catch.hpp>

#include "framework/results/record.h"
#include "tests/results/scratch_folder.h"

using namespace bitsweep;

namespace {

StudySpec one_float_run() {
  RunSpec run;
  run.network.id = "lenet";
  run.method.id = "float";
  run.seed = 1;
  StudySpec study;
  study.name = "survey";
  study.rows = {{"float", "float", {}, {run}}};
  return study;
}

void keep_record(const Plan& plan, const RunFiles& files, const std::string& status) {
  RunRecord record;
  record.digest = plan.runs[0].digest;
  record.status = status;
  record.failure = status == "done" ? "" : "for a reason";
  write_record(record, files.path_of(plan.runs[0]));
}

Plan plan_of(const StudySpec& study, const RunFiles& files) {
  return make_plan(study, [&](const std::string& digest) { return files.find(digest); });
}

// Its workers would all fail.
const BatchOptions kHopeless{.worker_command = {"/bin/false"}};

}  // namespace

TEST_CASE("what others did between the plan and the batch is not done again") {
  const std::string before = GENERATE("nothing", "failed");
  CAPTURE(before);
  const testing::ScratchFolder scratch;
  const auto study = one_float_run();
  ResultsFolder folder(scratch.path());
  RunFiles files(scratch.path());
  if (before == "failed") {
    keep_record(plan_of(study, files), files, "failed");
    files.refresh();
  }
  const Plan plan = plan_of(study, files);
  REQUIRE(plan.count(RunState::kDone) == 0);
  keep_record(plan, files, "done");
  const auto result = run_batch(plan, files, folder, kHopeless);
  CHECK(result.done == 1);
  CHECK(result.failed.empty());
}

TEST_CASE("what the plan found failed or damaged is done again") {
  const testing::ScratchFolder scratch;
  const auto study = one_float_run();
  ResultsFolder folder(scratch.path());
  RunFiles files(scratch.path());
  keep_record(plan_of(study, files), files, "failed");
  files.refresh();
  Plan plan = plan_of(study, files);
  REQUIRE(plan.runs[0].state == RunState::kFailed);
  auto result = run_batch(plan, files, folder, kHopeless);
  REQUIRE(result.failed.size() == 1);
  CHECK(result.failed[0].why != "for a reason");

  std::ofstream(files.path_of(plan.runs[0])) << "no record";
  plan = make_plan(study, [&](const std::string& digest) { return files.find(digest); },
                   {.force = true});
  result = run_batch(plan, files, folder, kHopeless);
  REQUIRE(result.failed.size() == 1);
  CHECK(result.failed[0].why == "ended with status 1");
}
