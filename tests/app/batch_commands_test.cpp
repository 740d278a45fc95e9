// Commands on a folder of results while and after a study runs. The pipeline trains
// nothing.
#include <thread>

#include <catch2/catch.hpp>
#include <unistd.h>

#include "framework/app/schedule/results_folder.h"
#include "tests/app/fake_study.h"

using namespace bitsweep;
using Catch::Matchers::Contains;
using testing::kMisbehaving;
using testing::run_program;
using testing::Study;

TEST_CASE("shares of a study on machines of their own are merged into its table") {
  const Study study("[1, 2, 3]");
  const testing::ScratchFolder folder;
  const auto at = [&](const std::string& name) { return (folder / name).string(); };
  const auto whole = study.run();
  for (const std::string share : {"1", "2"}) {
    const auto part =
        study.command("run", "--shard " + share + "/2 --out " + at("part" + share));
    CAPTURE(part.err);
    CHECK(part.code == 0);
  }
  const auto merged =
      run_program("merge " + at("part1") + " " + at("part2") + " --out " + at("merged"));
  CAPTURE(merged.err);
  CHECK(merged.code == 0);
  CHECK(merged.out == whole.out);
  CHECK_THAT(merged.err, Contains("from 2 folders; 6 done, 0 failed, 0 not run"));
  CHECK(run_program("report " + at("merged")).out == whole.out);
  CHECK_THAT(study.command("run", "--out " + at("merged")).err,
             Contains("6 done, 0 to do"));
  study.command("run", "--set training.epochs=2 --set name=tiny --out " + at("other"));
  const auto refused = run_program("merge " + at("part1") + " " + at("other") +
                                   "/variants/training.epochs=2 --out " + at("merged"));
  CHECK(refused.code == 2);
  CHECK_THAT(refused.err, Contains("do not hold the same runs"));
}

TEST_CASE("merging keeps what is done where the other failed") {
  const Study study("[1, 11]");
  const testing::ScratchFolder folder;
  const auto at = [&](const std::string& name) { return (folder / name).string(); };
  study.command("run", "--out " + at("a"), kMisbehaving);
  study.command("run", "--out " + at("b"));
  const auto merged =
      run_program("merge " + at("a") + " " + at("b") + " --out " + at("a"));
  CHECK_THAT(merged.err, Contains("merged: 2 records from 2 folders; 4 done, 0 failed"));
}

TEST_CASE("status tells what is done, failed, running and to do") {
  const Study study("[1, 11]");
  study.run("", kMisbehaving);
  const auto folder = study.out().string();
  const auto status = run_program("status " + folder);
  CHECK(status.code == 0);
  CHECK_THAT(status.out,
             Contains("tiny: 4 runs: 2 done, 0 running, 2 failed, 0 to do\n") &&
                 Contains("  float, seed 11: conv1/weight: step became NaN"));
  ResultsFolder other(study.out());
  std::string digest;
  for (const auto& record : study.records()) {
    if (record.status == "failed" && record.method == "twn") digest = record.digest;
  }
  REQUIRE_FALSE(other.claim(digest, "twn w2, seed 11"));
  other.tell(digest, {"train", 41, 100, 2.4, 0.412, 0.871}, 5120);
  for (int i = 0; i < 300 && running_in(study.out()).at(digest).images_per_second == 0;
       ++i) {
    usleep(10000);
  }
  const auto running = run_program("status " + folder);
  CHECK_THAT(running.out, Contains("2 done, 1 running, 1 failed, 0 to do; about ") &&
                              Contains("twn w2, seed 11 ") &&
                              Contains("41 %    2.4   87.10 %") && Contains("5120") &&
                              Contains(text_of(this_process())));
  CHECK(run_program("status no-such-folder").code == 2);
}

TEST_CASE("a dry run tells how long the runs will take, by earlier ones or a probe") {
  const Study study("[1, 2]");
  const auto probed = study.run("--dry-run --jobs 2 --set training.epochs=500");
  CAPTURE(probed.err);
  CHECK(probed.code == 0);
  // The fake program's steps take 2 ms: 500 epochs of two batches, and the scores.
  CHECK_THAT(probed.out, Contains("float, seed 1  (about 2 s)\n") &&
                             Contains("about 2 s with --jobs 2 (4 runs by training steps "
                                      "measured now)\n"));
  study.run("--only seed==1");
  CHECK_THAT(study.run("--dry-run --jobs 2").out,
             Contains("(2 runs by earlier ones alike)"));
  study.run();
  CHECK_THAT(study.run("--dry-run").out, !Contains("about"));
}

TEST_CASE("a run repeated gives the record's bits, or what differs is told") {
  const Study study("1");
  study.run();
  for (const auto& name : study.files()) {
    if (!name.ends_with(".h5")) continue;
    const auto path = (study.out() / name).string();
    const auto files = study.files();
    const auto same = run_program("rerun " + path);
    CAPTURE(same.err);
    CHECK(same.code == 0);
    CHECK_THAT(same.out, Contains("the same, bit by bit: metrics, curves"));
    CHECK(study.files() == files);
    auto record = read_record(path);
    record.metrics["test_accuracy"] = std::nextafter(record.metrics["test_accuracy"], 1);
    write_record(record, path);
    const auto other = run_program("rerun " + path);
    CHECK(other.code == 1);
    CHECK_THAT(other.out, Contains("differs: metrics (test_accuracy)\nthe record: "));
  }
}

TEST_CASE("the way out of a rerun without weights is a command that works") {
  const Study study("[1, 2]");
  study.run();
  run_program("clean " + study.out().string() + " --keep predictions");
  std::string twn;
  for (const auto& name : study.files()) {
    if (name.find("twn-w2-seed1") != name.npos && name.ends_with(".h5")) {
      twn = (study.out() / name).string();
    }
  }
  const auto refused = run_program("rerun " + twn);
  CHECK(refused.code == 2);
  const std::string before = "train it again: bitsweep ";
  const auto begin = refused.err.find(before);
  CAPTURE(refused.err);
  REQUIRE(begin != std::string::npos);
  const auto again = run_program(refused.err.substr(
      begin + before.size(), refused.err.size() - begin - before.size() - 1));
  CAPTURE(again.err);
  CHECK(again.code == 0);
  CHECK_THAT(again.err, Contains("1 to do"));
  CHECK(run_program("rerun " + twn).code == 0);
}

TEST_CASE("a run whose float run is gone cannot be repeated, and a failed one neither") {
  const Study study("[1, 11]");
  study.run("", kMisbehaving);
  std::string twn;
  for (const auto& name : study.files()) {
    if (!name.ends_with(".h5")) continue;
    const auto path = study.out() / name;
    const auto record = read_record(path);
    if (record.status == "failed") {
      const auto refused = run_program("rerun " + path.string());
      CHECK(refused.code == 2);
      CHECK_THAT(refused.err, Contains("the run failed"));
    } else if (record.method == "twn") {
      twn = path.string();
    } else {
      std::filesystem::remove(path);
    }
  }
  const auto refused = run_program("rerun " + twn);
  CHECK(refused.code == 2);
  CHECK_THAT(refused.err, Contains("that it begins with has no record beside it"));
}
