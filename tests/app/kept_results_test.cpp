// What a folder of results keeps, and that it can be trusted.
#include <chrono>
#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>

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

TEST_CASE("a changed parameter makes new runs, and a table beside the old") {
  const Study study("1");
  const auto first = study.run();
  const auto changed = study.run("--set rows.0.method.group=filter");
  CHECK_THAT(changed.err, Contains("1 done, 1 to do"));
  CHECK(study.records().size() == 3);
  const auto variant = study.out() / "variants/rows.0.method.group=filter";
  CHECK_THAT(changed.err,
             Contains("a variant of the study; its table: " + variant.string() + "\n"));
  CHECK(testing::file_text(study.out() / "report.md") == first.out);
  CHECK(testing::file_text(variant / "report.md") == changed.out);
  CHECK(testing::run_program("report " + variant.string()).out == changed.out);
  CHECK(testing::run_program("report " + study.out().string()).out == first.out);
  study.run("--set 'seeds=[1, 2]' --set rows.0.method.group=filter");
  CHECK(std::distance(fs::directory_iterator(study.out() / "variants"), {}) == 2);
}

TEST_CASE("a damaged record is told of, and never silently done again") {
  const Study study("1");
  study.run();
  fs::path damaged;
  for (const auto& name : study.files()) {
    if (name.find("twn") != name.npos) damaged = study.out() / name;
  }
  fs::resize_file(damaged, fs::file_size(damaged) - 10);
  const auto run = study.run("--set 'seeds=[1, 2]' --set name=tiny");
  CHECK(run.code == 1);
  CHECK_THAT(run.err,
             Contains(damaged.string() + ": ") && Contains("the file is cut off") &&
                 Contains("delete it and run the same command, or: --force --only "
                          "'label == '\\''twn w2'\\'' && seed == 1'") &&
                 Contains("twn w2, seed 2: test accuracy"));
  CHECK_THAT(study.run("--dry-run").out, Contains("damaged "));
  const auto report = testing::run_program("report " + study.out().string());
  CHECK(report.code == 2);
  CHECK_THAT(report.out, Contains("| twn "));
  CHECK_THAT(report.err, Contains("the file is cut off"));
  CHECK(study.run("--force").code == 0);
  CHECK(study.run().code == 0);
}

TEST_CASE("health names the records that it cannot read, and shows the others") {
  const Study study("[1, 2]");
  study.run();
  for (const auto& name : study.files()) {
    if (name.find("twn-w2-seed2") == name.npos || !name.ends_with(".h5")) continue;
    fs::resize_file(study.out() / name, fs::file_size(study.out() / name) - 10);
  }
  const auto health = testing::run_program("health " + study.out().string());
  CHECK(health.code == 2);
  CHECK_THAT(health.out, Contains("## twn w2, seed 1\n"));
  CHECK_THAT(health.err, Contains("twn-w2-seed2") && Contains("the file is cut off"));
}

TEST_CASE("a limit of memory that is no number is refused, not passed over") {
  const Study study("1");
  for (const std::string wrong : {"abc", "4GB", "-1", "0"}) {
    const auto refused = study.run("", "BITSWEEP_MEMORY_MB=" + wrong);
    CAPTURE(wrong);
    CHECK(refused.code == 2);
    CHECK(refused.err.find("bitsweep: BITSWEEP_MEMORY_MB: '" + wrong +
                           "' is no amount") != std::string::npos);
    CHECK(std::count(refused.err.begin(), refused.err.end(), '\n') == 1);
  }
  CHECK_FALSE(fs::exists(study.out()));
}

TEST_CASE("a damaged manifest is told of, and never silently written over") {
  const Study study("1");
  study.run();
  auto text = testing::file_text(study.out() / "study.txt");
  text[text.size() / 2] ^= 1;
  std::ofstream(study.out() / "study.txt") << text;
  for (const auto& finished : {study.run(), study.run("--dry-run"),
                               testing::run_program("report " + study.out().string())}) {
    CHECK(finished.code == 2);
    CHECK_THAT(finished.err, Contains("study.txt: its lines do not match its checksum"));
  }
}

TEST_CASE("rows are chosen by an expression") {
  const Study study("[1, 2]");
  const auto none = study.run("--only 'method == lsq'");
  CHECK(none.code == 2);
  CHECK_THAT(none.err, Contains("--only: 'method == lsq': no row is so"));
  const auto unknown = study.run("--only 'weight_bit < 3'");
  CHECK(unknown.code == 2);
  CHECK_THAT(unknown.err, Contains("did you mean 'weight_bits'?"));
  CHECK(study.run("--only 'seed ='").code == 2);
  CHECK_FALSE(fs::exists(study.out()));

  const auto one = study.run("--only 'method==twn && seed<=1'");
  CHECK(one.code == 0);
  CHECK_THAT(one.err, Contains("0 done, 2 to do, 2 skipped"));
  CHECK(study.records().size() == 2);
  const auto forced = study.run("--force --only 'method==twn && seed<=1'");
  CHECK_THAT(forced.err, Contains("1 done, 1 to do, 2 skipped"));
  CHECK_THAT(study.run("--dry-run --only seed==2").out,
             !Contains("done ") && Contains("to do ") && !Contains("skipped"));
  CHECK_THAT(study.run("--dry-run --only seed==1").out, Contains("done "));
}

TEST_CASE("a full disk ends the batch with one sentence") {
  const Study study("[1, 16, 17]");
  const auto finished = study.run("--jobs 1", kMisbehaving);
  CHECK(finished.code == 1);
  CHECK_THAT(
      finished.err,
      Contains("bitsweep: the disk is full: x.h5: cannot be written (No space left "
               "on device); 2 of 6 runs are done and kept, nothing more was run; "
               "make room"));
  CHECK(study.records().size() == 2);
}

TEST_CASE("what killed writes left is removed, and nothing else") {
  const Study study("1");
  study.run();
  const auto leftover = study.out() / "runs/x.h5.123-0a1b2c3d.tmp";
  std::ofstream(leftover) << "half";
  study.run();
  CHECK(fs::exists(leftover));  // someone may be writing it
  fs::last_write_time(leftover, fs::file_time_type::clock::now() - std::chrono::hours(1));
  std::ofstream(study.out() / "notes.tmp") << "mine";
  study.run();
  CHECK_FALSE(fs::exists(leftover));
  CHECK(fs::exists(study.out() / "notes.tmp"));
}

TEST_CASE("rows are compared with float fine-tuned alike where a study asks for it") {
  const Study study("[1, 2]");
  const auto finished =
      study.run("--set 'fine_tuning={epochs: 2}' --set 'baseline={fine_tuned: true}'");
  CAPTURE(finished.err);
  CHECK(finished.code == 0);
  CHECK_THAT(finished.err, Contains("6 runs, 4 of them float baselines"));
  // The fake program gives float 95 %, fine-tuned float 97 %, and twn 90 %.
  CHECK_THAT(finished.out, Contains("| float, fine-tuned") && Contains("7.00") &&
                               Contains("compared with float fine-tuned alike"));
  const auto plain = study.run("--set 'fine_tuning={epochs: 2}'");
  CHECK_THAT(plain.err, Contains("4 done, 0 to do"));
  CHECK_THAT(plain.out, Contains("5.00") && !Contains("fine-tuned alike"));
}

TEST_CASE("a table says what a row has otherwise than its scheme") {
  const Study study("[1]");
  const auto finished =
      study.run("--set 'rows=[{method: {scheme: tflite-integer, bits: 4}}]'");
  CAPTURE(finished.err);
  CHECK(finished.code == 0);
  CHECK_THAT(
      finished.out,
      Contains("not the scheme tflite-integer as published: method.activation_bits=4 "
               "(scheme: 8), method.weight_bits=4 (scheme: 8)"));
  const auto published =
      study.run("--set 'rows=[{method: {scheme: tflite-integer}, label: all}]'");
  CHECK_THAT(published.out, !Contains("as published"));
}

TEST_CASE("two runs and two folders are compared") {
  const Study study("1");
  study.run();
  const auto runs = study.out() / "runs";
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(runs)) {
    if (entry.path().extension() == ".h5") files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  const auto same = testing::run_program("diff " + files[0] + " " + files[0]);
  CHECK(same.code == 0);
  CHECK(same.out == "no difference\n");
  const auto other = testing::run_program("diff " + files[0] + " " + files[1]);
  CHECK(other.code == 1);
  CHECK_THAT(other.out, Contains("configuration:\n") &&
                            Contains("  method.id: float | twn\n") &&
                            Contains("result:\n  test_accuracy: 0.95 | 0.9\n"));
  study.run("--set training.epochs=2");
  const auto folders =
      testing::run_program("diff " + study.out().string() + " " +
                           (study.out() / "variants/training.epochs=2").string());
  CHECK(folders.code == 1);
  CHECK_THAT(folders.out, Contains("twn w2, seed 1:\n  configuration:\n"
                                   "    training.epochs: 1 | 2\n"));
  CHECK(testing::run_program("diff " + files[0] + " " + runs.string()).code == 2);
  CHECK(testing::run_program("diff no-file.h5 " + files[0]).code == 2);
}

TEST_CASE("a folder of results is cleaned") {
  const Study study("1");
  CHECK(testing::run_program("clean " + study.out().string()).code == 2);
  study.run();
  study.run("--set training.epochs=2");
  const std::string clean = "clean " + study.out().string();
  CHECK(testing::run_program(clean).out ==
        "0 unused records removed, 0 records without weights now\n");
  fs::remove_all(study.out() / "variants");
  CHECK(testing::run_program(clean + " --unused --keep predictions").out ==
        "2 unused records removed, 2 records without weights now\n");
  CHECK(study.records().size() == 2);
  for (const auto& record : study.records()) CHECK(record.state.empty());
  CHECK_THAT(study.run().err, Contains("2 done, 0 to do"));
}

TEST_CASE("what is printed and does not arrive is a failure") {
  const Study study("1");
  const std::string file = (study.out().parent_path() / "study.yaml").string();
  const std::string out = study.out().string();
  study.run();
  const std::vector<std::string> commands = {"run " + file + " --out " + out,
                                             "validate " + file,
                                             std::string("keys"),
                                             "report " + out,
                                             "health " + out,
                                             std::string("methods"),
                                             std::string("models"),
                                             std::string("datasets"),
                                             std::string("version"),
                                             std::string("--help"),
                                             "run " + file + " --dry-run --out " + out,
                                             "diff " + out + " " + out,
                                             "clean " + out,
                                             std::string("models lenet"),
                                             std::string("methods twn")};
  for (const auto& words : commands) {
    CAPTURE(words);
    const auto finished = testing::run_program(words + " >/dev/full");
    CHECK(finished.code == 1);
    CHECK_THAT(finished.err, Contains("bitsweep: standard output cannot be written: No "
                                      "space left on device"));
  }
}

TEST_CASE("records keep predictions alone where a study asks for it") {
  const Study study("1");
  CHECK(study.run("--set keep=predictions").code == 0);
  for (const auto& record : study.records()) CHECK(record.state.empty());
  // The float network is trained again for a row that begins with it.
  const auto more = study.run("--set rows.0.method.group=filter");
  CHECK(more.code == 0);
  CHECK_THAT(more.err, Contains("0 done, 2 to do"));
}

TEST_CASE("records keep packed models without weights where a study asks for it") {
  const Study study("1");
  CHECK(study.run("--set keep=model").code == 0);
  const auto check = [&](bool has_model) {
    for (const auto& record : study.records()) {
      CHECK_FALSE(record.has_state);
      CHECK(record.has_model == has_model);
      CHECK(record.model.empty() != has_model);
    }
  };
  check(true);
  const std::string clean = "clean " + study.out().string();
  CHECK(testing::run_program(clean + " --keep model").out ==
        "0 unused records removed, 0 records without weights now\n");
  CHECK(testing::run_program(clean + " --keep predictions").out ==
        "0 unused records removed, 2 records without weights now\n");
  check(false);
  const auto other = testing::run_program(clean + " --keep weights");
  CHECK(other.code == 2);
  CHECK_THAT(other.err, Contains("'weights' is not allowed (state, model, predictions)"));
}

TEST_CASE("the same study on other data is other runs") {
  const Study study("1");
  const testing::ScratchFolder data;
  write_mnist(data.path());
  const std::string quoted = "--data-dir " + data.path().string() +
                             " --set 'dataset={id: mnist, validation: 10}'";
  CHECK_THAT(study.run(quoted).err, Contains("0 done, 2 to do"));
  CHECK_THAT(study.run(quoted).err, Contains("2 done, 0 to do"));
  const auto images = data / "train-images-idx3-ubyte";
  {
    std::fstream file(images, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(16 + 5 * 784 + 300);
    file.put(char(200));
  }
  const auto changed = study.run(quoted);
  CHECK_THAT(changed.err, Contains("0 done, 2 to do"));
  CHECK(study.records().size() == 4);
}
