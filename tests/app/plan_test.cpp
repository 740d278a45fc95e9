#include "framework/app/schedule/plan.h"

#include <fstream>

#include <catch2/catch.hpp>

#include "framework/app/schedule/run_files.h"
#include "framework/results/record.h"
#include "tests/results/scratch_folder.h"

using namespace bitsweep;

namespace {

RunSpec run_of(const std::string& method, std::int64_t seed) {
  RunSpec run;
  run.network.id = "lenet";
  run.method.id = method;
  run.seed = seed;
  return run;
}

RowSpec row_of(const std::string& method, const std::vector<std::int64_t>& seeds) {
  RowSpec row;
  row.label = method;
  for (const auto seed : seeds) row.runs.push_back(run_of(method, seed));
  return row;
}

StudySpec study_of(std::vector<RowSpec> rows) {
  StudySpec study;
  study.name = "survey";
  study.rows = std::move(rows);
  return study;
}

Plan plan_of(const StudySpec& study, RunState state = RunState::kMissing) {
  return make_plan(study, [state](const auto&) { return state; });
}

std::vector<std::string> labels(const Plan& plan) {
  std::vector<std::string> labels;
  for (const auto& run : plan.runs) labels.push_back(run.label);
  return labels;
}

}  // namespace

TEST_CASE("baselines come first, each seed's behind its own") {
  const Plan plan = plan_of(study_of({row_of("twn", {1, 2}), row_of("float", {1, 2})}));
  CHECK(labels(plan) == std::vector<std::string>{"float, seed 1", "float, seed 2",
                                                 "twn, seed 1", "twn, seed 2"});
  CHECK_FALSE(plan.runs[0].baseline);
  CHECK(plan.runs[2].baseline == std::size_t{0});
  CHECK(plan.runs[3].baseline == std::size_t{1});
}

TEST_CASE("a baseline that is no row of its own is planned once") {
  const Plan plan = plan_of(study_of({row_of("twn", {1}), row_of("bwn", {1})}));
  CHECK(labels(plan) ==
        std::vector<std::string>{"float lenet, seed 1", "twn, seed 1", "bwn, seed 1"});
}

TEST_CASE("a run that two rows share is planned once") {
  const Plan plan = plan_of(study_of({row_of("twn", {1}), row_of("twn", {1, 2})}));
  CHECK(plan.runs.size() == 4);
  CHECK(plan.rows == 2);
  CHECK(plan.seeds == 2);
}

TEST_CASE("a run's name is fit for a file") {
  auto row = row_of("twn", {1});
  row.label = "Dynamic/fixed  point (W4*) ";
  const Plan plan = plan_of(study_of({row}));
  CHECK(plan.runs[1].name == "lenet-dynamic-fixed-point-w4-seed1");
}

TEST_CASE("a long label leaves room for the seed") {
  auto row = row_of("twn", {12});
  row.label = std::string(300, 'x');
  const Plan plan = plan_of(study_of({row}));
  CHECK(plan.runs[1].name == "lenet-" + std::string(74, 'x') + "-seed12");
}

TEST_CASE("the plan's summary counts what there is") {
  const auto study = study_of({row_of("float", {1, 2}), row_of("twn", {1, 2})});
  CHECK(plan_summary("survey", plan_of(study)) ==
        "survey: 2 rows x 2 seeds; 4 runs, 2 of them float baselines; 0 done, 4 to do");
  CHECK(plan_summary("survey", plan_of(study, RunState::kFailed)) ==
        "survey: 2 rows x 2 seeds; 4 runs, 2 of them float baselines; 0 done, 4 to do, 4 "
        "of these failed before");
  CHECK(plan_summary("survey", plan_of(study_of({row_of("float", {1})}))) ==
        "survey: 1 row x 1 seed; 1 run, 1 of them a float baseline; 0 done, 1 to do");
}

TEST_CASE("records are found by digest, whatever their names begin with") {
  const testing::ScratchFolder scratch;
  std::filesystem::create_directories(scratch / "runs");
  const auto write = [&](const std::string& name, const std::string& digest,
                         const std::string& status) {
    RunRecord record;
    record.digest = digest;
    record.status = status;
    write_record(record, scratch / ("runs/" + name));
  };
  write("old-name-seed1-aaaa.h5", "aaaa", "done");
  write("x-bbbb.h5", "bbbb", "failed");
  write("renamed-cccc.h5", "dddd", "done");
  std::ofstream(scratch / "runs/x-eeee.h5") << "damaged";

  const RunFiles files(scratch.path());
  CHECK(files.state_of("aaaa") == RunState::kDone);
  CHECK(files.state_of("bbbb") == RunState::kFailed);
  CHECK(files.state_of("cccc") == RunState::kMissing);
  CHECK(files.state_of("eeee") == RunState::kMissing);
  CHECK(files.state_of("ffff") == RunState::kMissing);

  PlannedRun run;
  run.name = "new-name";
  run.digest = "aaaa";
  CHECK(files.path_of(run) == scratch / "runs/old-name-seed1-aaaa.h5");
  run.digest = "ffff";
  CHECK(files.path_of(run) == scratch / "runs/new-name-ffff.h5");
}
