#include "framework/app/schedule/plan.h"

#include <fstream>
#include <map>

#include <catch2/catch.hpp>

#include "framework/app/schedule/run_files.h"
#include "framework/app/schedule/status.h"
#include "framework/report/report.h"
#include "framework/results/record.h"
#include "tests/results/scratch_folder.h"

using namespace bitsweep;
using Catch::Matchers::Contains;

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

TEST_CASE("all rows of a seed come before the next, its baselines first") {
  const Plan plan = plan_of(
      study_of({row_of("twn", {1, 2}), row_of("bwn", {1, 2}), row_of("float", {1, 2})}));
  CHECK(labels(plan) == std::vector<std::string>{"float, seed 1", "twn, seed 1",
                                                 "bwn, seed 1", "float, seed 2",
                                                 "twn, seed 2", "bwn, seed 2"});
  CHECK_FALSE(plan.runs[0].start);
  CHECK(plan.runs[2].start == std::size_t{0});
  CHECK_FALSE(plan.runs[3].start);
  CHECK(plan.runs[4].start == std::size_t{3});
}

TEST_CASE("shares of a study are the same everywhere, and together all of it") {
  const auto study = study_of({row_of("twn", {1, 2, 3, 4}), row_of("bwn", {1, 2, 3, 4})});
  std::map<std::string, int> times;
  for (int index = 1; index <= 3; ++index) {
    const PlanOptions options{.shard = {index, 3}};
    const Plan plan = make_plan(
        study, [](const auto&) { return RunState::kMissing; }, options);
    CHECK(plan.runs.size() == 12);
    for (const auto& run : plan.runs) {
      if (run.state == RunState::kSkipped) {
        CHECK_THAT(run.why, Contains("not of --shard"));
        continue;
      }
      ++times[run.label];
      if (run.start) CHECK(plan.runs[*run.start].state == RunState::kMissing);
    }
  }
  CHECK(times.size() == 12);
  for (const auto& [label, count] : times) {
    if (label.find("float") == label.npos) CHECK(count == 1);
  }
}

TEST_CASE("a share is written as two numbers") {
  CHECK(Shard::parse("2/4").text() == "2/4");
  for (const char* wrong : {"", "2", "0/4", "5/4", "1/0", "a/b", "1/4x", "-1/4"}) {
    CHECK_THROWS_WITH(Shard::parse(wrong), Contains("is no share of the runs"));
  }
}

TEST_CASE("what begins with a damaged float run waits, the rest goes on") {
  const auto study = study_of({row_of("twn", {1, 2})});
  const std::string damaged = digest(study.rows[0].runs[0].baseline(), kResultsVersion);
  const Plan plan = make_plan(study, [&](const std::string& digest) -> FoundRun {
    return digest == damaged ? RunState::kDamaged : RunState::kMissing;
  });
  CHECK(plan.count(RunState::kMissing) == 2);  // of the second seed
  CHECK_THAT(plan_listing(plan), Contains("twn, seed 1  (it begins with a float run "
                                          "whose record is damaged)"));
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

TEST_CASE("a row that asks for it is compared with float fine-tuned alike") {
  auto twn = row_of("twn", {1, 2});
  for (auto& run : twn.runs) {
    run.fine_tuning = TrainingSpec{.epochs = 3};
    run.fine_tuning->optimizer.quantizer_learning_rate = 0.1;
    run.compared.fine_tuned = true;
  }
  auto bwn = twn;
  for (auto& run : bwn.runs) run.method.id = "bwn";
  auto long_row = twn;
  for (auto& run : long_row.runs) run.fine_tuning->epochs = 9;
  const Plan plan = plan_of(study_of({twn, bwn, long_row}));
  // Two float networks, each fine-tuned in two ways; three rows.
  CHECK(plan.runs.size() == 2 + 2 * 2 + 3 * 2);
  CHECK(plan.runs[1].label == "float, fine-tuned lenet, seed 1");
  CHECK(plan.runs[1].spec.is_float());
  CHECK(plan.runs[1].spec.fine_tuning->epochs == 3);
  CHECK(plan.runs[1].start == std::size_t{0});
  CHECK(plan.runs[3].spec.control().canonical_text() ==
        plan.runs[1].spec.canonical_text());
  CHECK(plan.runs[1].spec.control().is_baseline());
  twn.runs[0].start = "scratch";  // trained as the baseline is
  CHECK(twn.runs[0].control().is_baseline());
}

TEST_CASE("what is not chosen is skipped, but for what the chosen need") {
  const auto study = study_of({row_of("twn", {1, 2}), row_of("bwn", {1, 2})});
  const PlanOptions options{.chosen = [](const RowSpec& row, const RunSpec& run) {
    return row.label == "bwn" && run.seed == 2;
  }};
  const Plan plan = make_plan(
      study, [](const auto&) { return RunState::kMissing; }, options);
  CHECK(labels(plan)[3] == "float lenet, seed 2");
  CHECK(plan.runs[3].state == RunState::kMissing);
  CHECK(plan.runs.back().state == RunState::kMissing);
  CHECK(plan.count(RunState::kSkipped) == 4);
  CHECK_THAT(plan_listing(plan), Contains("twn, seed 1  (not chosen by --only)"));
  CHECK_THAT(plan_summary("s", plan), Contains("0 done, 2 to do, 4 skipped"));
}

TEST_CASE("what is done or damaged is done again when it is asked for") {
  const auto study = study_of({row_of("twn", {1})});
  const auto forced =
      make_plan(study, [](const auto&) { return RunState::kDone; }, {.force = true});
  CHECK(forced.count(RunState::kMissing) == 1);  // a row, and not what it starts from
  CHECK_THAT(plan_listing(forced), Contains("twn, seed 1  (again, by --force)"));
  const auto damaged =
      make_plan(study, [](const auto&) { return RunState::kDamaged; }, {.force = true});
  CHECK(damaged.count(RunState::kDamaged) == 0);
}

TEST_CASE("a float network without weights is trained again for those who need them") {
  const auto study = study_of({row_of("twn", {1}), row_of("bwn", {1})});
  const std::string first = digest(study.rows[0].runs[0], kResultsVersion);
  const auto plan_with = [&](RunState of_first) {
    return make_plan(study, [&](const std::string& digest) -> FoundRun {
      if (digest == first) return of_first;
      return {RunState::kDone, "", /*with_weights=*/false};
    });
  };
  CHECK(plan_with(RunState::kDone).count(RunState::kMissing) == 0);
  const Plan plan = plan_with(RunState::kMissing);
  CHECK(plan.runs[0].state == RunState::kMissing);
  CHECK_THAT(plan.runs[0].why, Contains("its weights were not kept"));
  CHECK(plan.count(RunState::kMissing) == 2);
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
  CHECK(files.find("aaaa").state == RunState::kDone);
  CHECK(files.find("bbbb").state == RunState::kFailed);
  CHECK(files.find("cccc").state == RunState::kDamaged);
  CHECK(files.find("eeee").state == RunState::kDamaged);
  CHECK(files.find("ffff").state == RunState::kMissing);

  CHECK_THAT(files.find("cccc").why, Contains("renamed-cccc.h5: holds the run dddd"));
  CHECK_THAT(files.find("eeee").why, Contains("x-eeee.h5: not a run record"));

  PlannedRun run;
  run.name = "new-name";
  run.digest = "aaaa";
  CHECK(files.path_of(run) == scratch / "runs/old-name-seed1-aaaa.h5");
  run.digest = "ffff";
  CHECK(files.path_of(run) == scratch / "runs/new-name-ffff.h5");
}

// Stubs beside each other as a batch leaves them; how long thousands take is for
// tests/bench/batch_scale.py.
TEST_CASE("a record that this user may not read is not called damaged") {
  const testing::ScratchFolder scratch;
  namespace fs = std::filesystem;
  fs::permissions(scratch.path(), fs::perms(0755));
  fs::create_directory(scratch / "runs");
  const auto record = scratch / "runs/x-abcd.h5";
  write_record({.digest = "abcd"}, record);
  fs::permissions(record, fs::perms::none);
  constexpr uid_t kNobody = 65534;
  const uid_t own = geteuid();
  if (own == 0) REQUIRE(seteuid(kNobody) == 0);  // root may read every file
  const FoundRun found = RunFiles(scratch.path()).find("abcd");
  REQUIRE(seteuid(own) == 0);
  CHECK(found.state == RunState::kUnreadable);
  CHECK(found.why == record.string() + ": cannot be read (Permission denied)");
  const auto study = study_of({row_of("twn", {1})});
  const Plan plan = make_plan(study, [&](const std::string&) { return found; });
  CHECK_THAT(plan_listing(plan), Contains("unreadable ") && Contains("cannot be read"));
}

TEST_CASE("three hundred records are planned, told of and reported, each of them once") {
  std::vector<RowSpec> rows;
  for (int r = 0; r < 29; ++r) {
    rows.push_back(row_of("twn", {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}));
    rows.back().label = "row " + std::to_string(r);
    for (auto& run : rows.back().runs) run.calibration_batches = r + 1;
  }
  const StudySpec study = study_of(std::move(rows));
  const testing::ScratchFolder scratch;
  std::filesystem::create_directories(scratch / "runs");
  const Plan missing = plan_of(study);
  REQUIRE(missing.runs.size() == 300);
  REQUIRE(missing.digests.size() == 290);
  const std::string failing = missing.runs.back().digest;
  for (const auto& run : missing.runs) {
    RunRecord record;
    record.digest = run.digest;
    record.state["weight"] = {{1}, {0.5F}};
    record.metrics["test_accuracy"] = run.spec.is_baseline() ? 0.95 : 0.9;
    record.provenance.seconds = 2;
    if (run.digest == failing) record.status = "failed", record.failure = "loss is NaN";
    write_record(record, scratch / ("runs/x-" + run.digest + ".h5"));
  }
  std::map<std::string, int> asked;
  for (const bool from_index : {false, true}) {
    const RunFiles files(scratch.path());
    CHECK(std::filesystem::exists(scratch / "runs/.index") == from_index);
    const Plan plan = make_plan(study, [&](const std::string& digest) {
      ++asked[digest];
      return files.find(digest);
    });
    CHECK(plan.count(RunState::kDone) == 299);
    CHECK(plan.count(RunState::kFailed) == 1);
    CHECK_THAT(plan_listing(plan),
               Contains("failed  " + failing) && Contains("loss is NaN"));
    for (std::size_t i = 0; i < plan.runs.size(); ++i) {
      CHECK(plan.runs[i].digest == digest(plan.runs[i].spec, kResultsVersion));
      CHECK(plan.runs[i].start.has_value() == !plan.runs[i].spec.is_baseline());
    }
  }
  for (const auto& [digest, count] : asked) CHECK(count == 2);

  auto names = missing.digests.begin();
  const auto manifest = make_manifest(study, [&](const RunSpec& run) -> RunName {
    CHECK(names->own == digest(run, kResultsVersion));
    CHECK(names->baseline == digest(run.baseline(), kResultsVersion));
    CHECK(names->control == digest(run.control(), kResultsVersion));
    const std::string own = names->own;
    return {own, (names++)->control, "runs/x-" + own + ".h5"};
  });
  CHECK_THAT(status_text(manifest, scratch.path(), 100),
             Contains("survey: 300 runs: 299 done, 0 running, 1 failed, 0 to do") &&
                 Contains("failed:\n  row 28, seed 10: loss is NaN\n"));
  const auto report = build_report(manifest, records_in(scratch.path()));
  CHECK(report.rows.size() == 29);
  CHECK((report.done == 289 && report.failed == 1 && report.missing == 0));
}
