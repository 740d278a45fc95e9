// Whole studies through worker processes. The pipeline trains nothing; with
// BITSWEEP_FAKE_MISBEHAVES set, some seeds end badly (fake_program.cpp).
#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>

#include "framework/app/schedule/results_folder.h"
#include "framework/results/record.h"
#include "tests/app/fake_study.h"
#include "tests/app/program_runner.h"
#include "tests/data/temporary_data.h"
#include "tests/results/scratch_folder.h"

using namespace bitsweep;
using bitsweep::test::write_mnist;
using Catch::Matchers::Contains;
using testing::kMisbehaving;
using testing::Study;

namespace fs = std::filesystem;

TEST_CASE("a study is run, recorded and reported") {
  const Study study("[1, 2]");
  const auto finished = study.run();
  CAPTURE(finished.err);
  CHECK(finished.code == 0);
  CHECK_THAT(finished.out, Contains("| float ") && Contains("| twn "));
  CHECK_THAT(
      finished.err,
      Contains("tiny: 2 rows x 2 seeds; 4 runs, 2 of them float baselines; 0 done, "
               "4 to do") &&
          Contains("twn w2, seed 2: test accuracy 90.00 % after"));
  const auto records = study.records();
  REQUIRE(records.size() == 4);
  for (const auto& record : records) CHECK(record.status == "done");
  CHECK(testing::file_text(study.out() / "report.md") == finished.out);
  CHECK(fs::exists(study.out() / "report.csv"));
  CHECK_FALSE(fs::exists(study.out() / ".unfinished"));
}

TEST_CASE("what is done is not run again, and the table stays") {
  const Study study("1");
  const auto first = study.run();
  const auto second = study.run();
  CHECK(second.out == first.out);
  CHECK_THAT(second.err, Contains("2 done, 0 to do") && !Contains("started"));
}

TEST_CASE("a failed run costs its row, is told of, and is tried again") {
  const Study study("[1, 11]");
  const auto finished = study.run("", kMisbehaving);
  CHECK(finished.code == 1);
  CHECK_THAT(
      finished.err,
      Contains("bitsweep: failed: float, seed 11: conv1/weight: step became NaN at "
               "epoch 3, batch 118\n") &&
          Contains("bitsweep: failed: twn w2, seed 11: its float baseline failed: ") &&
          Contains("the same command tries again what failed"));
  CHECK_THAT(finished.out, Contains("| twn "));
  std::size_t failed = 0;
  for (const auto& record : study.records()) {
    if (record.status == "failed") ++failed;
    CHECK((record.status == "done") == (record.seed == 1));
    CHECK((record.status == "done") == record.failure.empty());
  }
  CHECK(failed == 2);

  const auto again = study.run();
  CHECK(again.code == 0);
  CHECK_THAT(again.err, Contains("2 done, 2 to do, 2 of these failed before"));
  CHECK(study.records().size() == 4);
  for (const auto& record : study.records()) CHECK(record.status == "done");
}

TEST_CASE("a worker that crashes fails alone, with a reason") {
  const Study study("[1, 12, 13, 14]");
  const auto finished = study.run("", kMisbehaving);
  CHECK(finished.code == 1);
  CHECK_THAT(finished.err,
             Contains("float, seed 12: failed: vector::at\n") &&
                 Contains("float, seed 13: failed: killed by signal 6 (Aborted): ") &&
                 Contains("broken invariant: blocks tile the image") &&
                 Contains("float, seed 14: failed: killed by signal 9 (") &&
                 Contains("twn w2, seed 1: test accuracy 90.00 %"));
}

TEST_CASE("an interrupt keeps what is done and says how to go on") {
  const Study study("[1, 15]");
  const auto finished = study.run("--jobs 1", kMisbehaving);
  CHECK(finished.code == 130);
  CHECK_THAT(finished.err,
             Contains("interrupted; 2 of 4 runs are done and kept, the same command goes "
                      "on from there"));
  for (const auto& record : study.records()) CHECK(record.status == "done");
  CHECK(study.records().size() == 2);
  CHECK_FALSE(fs::exists(study.out() / ".unfinished"));

  const auto resumed = study.run();
  CHECK(resumed.code == 0);
  CHECK_THAT(resumed.err, Contains("2 done, 2 to do"));
}

TEST_CASE("a run leaves a log of what was said") {
  const Study study("[1, 11]");
  study.run("", kMisbehaving);
  std::string logs;
  for (const auto& name : study.files()) {
    if (name.ends_with(".log")) logs += testing::file_text(study.out() / name);
  }
  CHECK_THAT(logs,
             Contains("  twn w2, seed 1: started by ") && Contains("  train\n") &&
                 Contains("  twn w2, seed 1: test accuracy 90.00 % after") &&
                 Contains("  float, seed 11: failed: conv1/weight: step became NaN"));
}

TEST_CASE("a folder whose records are being cleaned is refused") {
  const Study study("1");
  const ResultsFolder other(study.out(), ResultsFolder::Use::kAlone);
  const auto finished = study.run();
  CHECK(finished.code == 2);
  CHECK_THAT(finished.err,
             Contains("another bitsweep (clean) is working in this folder"));
}

TEST_CASE("of a run that another is at, the table and a line tell") {
  const Study study("1");
  study.run();
  ResultsFolder other(study.out());
  fs::path twn;
  for (const auto& name : study.files()) {
    if (name.find("twn") != name.npos) twn = study.out() / name;
  }
  const auto digest = read_record(twn).digest;
  fs::remove(twn);
  REQUIRE_FALSE(other.claim(digest, "twn w2, seed 1"));
  const auto finished = study.run();
  CHECK(finished.code == 0);
  CHECK_THAT(finished.err,
             Contains("1 run still under way elsewhere (1 by ") && !Contains("started"));
  CHECK_THAT(finished.out, Contains("not run"));
}

TEST_CASE("a dry run lists the runs, touches nothing and needs no data") {
  const Study study("[1, 2]");
  const auto before = study.run("--dry-run --set dataset.id=cifar100");
  CHECK(before.code == 0);
  CHECK_FALSE(fs::exists(study.out()));
  study.run();
  const auto after = study.run("--dry-run --set seeds=[1,2,3]");
  CHECK_THAT(after.out,
             Contains("float, seed 1\n") && Contains("twn w2, seed 3  (about "));
  std::size_t lines = 0, done = 0;
  std::istringstream stream(after.out);
  for (std::string line; std::getline(stream, line); ++lines) {
    done += line.starts_with("done ");
  }
  CHECK(lines == 7);  // the last tells the time of all
  CHECK(done == 4);
}

TEST_CASE("a batch larger than the training images is refused") {
  const Study study("1");
  const auto known = study.command("validate", "--set training.batch_size=21");
  CHECK(known.code == 2);
  CHECK(known.err ==
        "bitsweep: --set training.batch_size: 21 is more than the 20 training images of "
        "shapes; make it smaller\n");
  const auto own =
      study.command("validate", "--set 'fine_tuning={epochs: 1, batch_size: 30}'");
  CHECK(own.code == 2);
  CHECK_THAT(own.err, Contains("fine_tuning.batch_size: 30 is more than the 20"));
  const testing::ScratchFolder data;
  write_mnist(data.path());  // 40 images
  const auto read = study.run("--data-dir " + data.path().string() +
                              " --set 'dataset={id: mnist, validation: 10}' "
                              "--set training.batch_size=31");
  CHECK(read.code == 2);
  CHECK_THAT(read.err, Contains("31 is more than the 30 training images of mnist"));
  CHECK_FALSE(fs::exists(study.out()));
}

TEST_CASE("an override without a value is refused") {
  const Study study("1");
  for (const std::string setting : {"training=", "training=null", "training.epochs="}) {
    const auto finished = study.command("validate", "--set " + setting);
    CHECK(finished.code == 2);
    CHECK_THAT(finished.err, Contains("has no value; write one behind the '='"));
  }
}

TEST_CASE("missing data is told of before the first run") {
  const Study study("1");
  const auto finished = study.run("--set dataset.id=cifar100");
  CHECK(finished.code == 2);
  CHECK_THAT(finished.err, Contains("CIFAR-100") && !Contains("started"));
  CHECK_FALSE(fs::exists(study.out()));
}

TEST_CASE("another study's folder is refused, and its table stays") {
  const Study study("1");
  study.run();
  const auto table = testing::file_text(study.out() / "report.md");
  const auto other = study.run("--set name=other");
  CHECK(other.code == 2);
  CHECK_THAT(other.err, Contains("holds the study 'tiny', this one is 'other'"));
  CHECK(testing::file_text(study.out() / "report.md") == table);
}

TEST_CASE("a mistake of the study or of its networks ends before the first run") {
  const Study study("1");
  const auto unknown = study.run("--set training.epoch=3");
  CHECK(unknown.code == 2);
  CHECK_THAT(unknown.err, Contains("unknown key; did you mean 'epochs'?"));
  const auto unfit = study.command("validate", "--set training.batch_size=7");
  CHECK(unfit.code == 2);
  CHECK_THAT(unfit.err, Contains("study.yaml:3: network: conv1: a batch of 7 does not "
                                 "fit\n"));
  CHECK_FALSE(fs::exists(study.out()));
}

TEST_CASE("a study without mistakes is summed up") {
  const auto finished = Study("[1, 2]").command("validate", "");
  CHECK(finished.code == 0);
  CHECK(finished.out == "tiny: 2 rows x 2 seeds; 4 runs, 2 of them float baselines\n");
}

TEST_CASE("a report is made again from the folder alone") {
  const Study study("1");
  const auto ran = study.run();
  const auto markdown = testing::run_program("report " + study.out().string());
  CHECK(markdown.out == ran.out);
  const auto csv =
      testing::run_program("report " + study.out().string() + " --format csv");
  CHECK(csv.out == testing::file_text(study.out() / "report.csv"));
  for (const char* file : {"runs.csv", "report.json", "report.tex", "report.html"}) {
    CHECK(fs::exists(study.out() / file));
  }
  CHECK(testing::run_program("report " + study.out().string() + " --format pdf").code ==
        2);
}

TEST_CASE("the health of quantizers is shown from the folder alone") {
  const Study study("[1, 2]");
  study.run();
  const auto all = testing::run_program("health " + study.out().string());
  CAPTURE(all.err);
  CHECK(all.code == 0);
  CHECK_THAT(all.out, Contains("## twn w2, seeds 1, 2") &&
                          Contains("| conv2/weight | ") && !Contains("## float") &&
                          Contains("\nclipped: values outside the grid; unused"));
  CHECK(testing::run_program("health " + study.out().string() + " 'twn*'").out ==
        all.out);
  CHECK(testing::run_program("health " + study.out().string() + " tvn").code == 2);
}

TEST_CASE("workers know the methods of a plugin") {
  const std::string plugin = BITSWEEP_BINARY_DIR "/lib/example_plugin.so";
  const auto finished =
      Study("1").run("--set rows.0.method.id=example_plugin --plugin " + plugin);
  CAPTURE(finished.err);
  CHECK(finished.code == 0);
  CHECK_THAT(finished.out, Contains("| example_plugin"));
}

TEST_CASE("a run from scratch is given no baseline") {
  const Study study("1");
  const auto finished = study.run("--set start=scratch");
  CAPTURE(finished.err);
  CHECK(finished.code == 0);
}
