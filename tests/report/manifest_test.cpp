#include "framework/report/manifest.h"

#include <catch2/catch.hpp>

#include "framework/core/error.h"
#include "framework/report/report.h"
#include "framework/results/whole_file.h"
#include "tests/report/approved.h"
#include "tests/report/sample_study.h"
#include "tests/results/scratch_folder.h"

using namespace bitsweep;
using namespace bitsweep::testing;
using Catch::Matchers::Contains;

namespace {

StudyManifest sample_manifest() { return make_manifest(sample_study(), sample_name); }

std::string written(const StudyManifest& manifest) {
  const ScratchFolder folder;
  write_manifest(manifest, folder.path());
  return read_whole_file(manifest_path(folder.path()));
}

StudyManifest read_text(const std::string& text) {
  const ScratchFolder folder;
  write_whole_file(manifest_path(folder.path()), text);
  return read_manifest(folder.path());
}

/// The manifest's row of a study with this one run.
ManifestRow row_of(const RunSpec& run) {
  StudySpec study;
  study.rows.push_back({"", "row", {}, {run}});
  return make_manifest(study, sample_name).rows.front();
}

}  // namespace

TEST_CASE("a manifest is read back as it was written") {
  auto manifest = sample_manifest();
  manifest.title = "two\nlines \\n and a \\";
  manifest.rows[1].label = " twn: 2 bits ";
  manifest.rows[1].published.loss = 0.1 + 0.2;
  manifest.rows[1].runs[0].name.record = "../other folder/a.h5";
  const auto text = written(manifest);
  const auto back = read_text(text);
  CHECK(written(back) == text);
  CHECK(back.title == manifest.title);
  REQUIRE(back.rows.size() == 5);
  CHECK(back.rows[0].is_baseline());
  CHECK(back.rows[1].label == manifest.rows[1].label);
  CHECK(back.rows[1].group == "reduce weights");
  CHECK(back.rows[1].weight_bits.empty());
  CHECK(back.rows[1].published.loss == 0.1 + 0.2);
  CHECK_FALSE(back.rows[1].published.accuracy);
  CHECK(back.rows[1].runs[0].name.record == "../other folder/a.h5");
  CHECK(back.rows[2].edges.first == "8");
  CHECK(back.rows[2].published.mark == "verified");
  CHECK(back.rows[2].runs[2].seed == 3);
  CHECK(back.rows[2].runs[2].name.digest == "dorefa-3");
  CHECK(back.rows[2].runs[2].name.baseline == "float-3");
  CHECK(back.rows[3].fine_tuning == manifest.rows[3].fine_tuning);
}

TEST_CASE("a manifest is a text that people can read") {
  check_approved(written(sample_manifest()), "study.txt");
}

TEST_CASE("a folder gives the report that its study gives") {
  const ScratchFolder folder;
  write_manifest(sample_manifest(), folder.path());
  for (const auto& [digest, record] : sample_records()) {
    write_record(record, folder / (digest + ".h5"));
  }
  const auto from_folder =
      build_report(read_manifest(folder.path()), records_in(folder.path()));
  const auto from_study = build_report(sample_manifest(), lookup_in(sample_records()));
  for (const auto& format : report_format_names()) {
    CHECK(render(from_folder, format) == render(from_study, format));
  }
}

TEST_CASE("bits are those of the method, with the layers that have others") {
  RunSpec run;
  run.method = sample_method("lognet", "5", "4");
  CHECK(row_of(run).weight_bits == "5");
  CHECK(row_of(run).activation_bits == "4");
  run.sites = {{"fc*/weight", sample_method("lognet", "4", "3")},
               {"conv1/*", sample_method("float")},
               {"conv2/input", sample_method("twn")},
               {"fc9/gradient", sample_method("twn")}};
  CHECK(row_of(run).weight_bits == "5 (fc*: 4, conv1: 32)");
  CHECK(row_of(run).activation_bits == "4 (conv1: 32, conv2: twn)");
}

TEST_CASE("a method without activation bits leaves activations in float") {
  RunSpec run;
  run.method = sample_method("twn");
  CHECK(row_of(run).weight_bits.empty());
  CHECK(row_of(run).activation_bits == "32");
  CHECK(row_of({}).weight_bits == "32");
}

TEST_CASE("a part of a dataset does not pass for all of it") {
  RunSpec run;
  CHECK(row_of(run).dataset == "fashion-mnist");
  run.dataset.test_limit = 500;
  CHECK(row_of(run).dataset == "fashion-mnist (test on 500)");
}

TEST_CASE("networks of one id are told apart by their parameters") {
  StudySpec study;
  RunSpec run;
  run.network.id = "resnet";
  run.network.params["depth"] = RawValue::scalar("20");
  study.rows.push_back({"", "a", {}, {run}});
  CHECK(make_manifest(study, sample_name).rows[0].network == "resnet");
  run.network.params["depth"] = RawValue::scalar("32");
  study.rows.push_back({"", "b", {}, {run}});
  CHECK(make_manifest(study, sample_name).rows[0].network == "resnet (depth 20)");
  CHECK(make_manifest(study, sample_name).rows[1].network == "resnet (depth 32)");
}

TEST_CASE("training is told in a line") {
  RunSpec run;
  run.method = sample_method("twn");
  run.training.iterations = 4000;
  run.training.loss = "squared_hinge";
  run.training.optimizer = {.id = "adam", .learning_rate = 0.001};
  run.training.augmentation = {.pad = 4, .flip = true};
  CHECK(row_of(run).training ==
        "4000 iterations, batches of 100, adam, learning rate 0.001, squared_hinge, "
        "shifted "
        "by up to 4, flipped");
  CHECK(row_of(run).fine_tuning == "none: calibrated on 10 batches");
  run.start = "scratch";
  CHECK_THAT(row_of(run).fine_tuning, Contains("none: trained from scratch, 4000"));
}

TEST_CASE("what is no manifest is refused") {
  const ScratchFolder folder;
  CHECK_THROWS_AS(read_manifest(folder.path()), DataError);
  CHECK_THROWS_WITH(read_manifest(folder.path()),
                    Contains("study.txt: there is no such file"));
  CHECK_THROWS_WITH(read_text("name: x\n"), Contains("is not a study manifest"));
  CHECK_THROWS_WITH(
      read_text("bitsweep study 2\nend\n"),
      Contains("'bitsweep study 2', this program reads 'bitsweep study 1'"));
}

TEST_CASE("a manifest that is cut off or changed is refused with its line") {
  const auto text = written(sample_manifest());
  CHECK_THROWS_WITH(read_text(text.substr(0, text.size() - 4)), Contains("is cut off"));
  CHECK_THROWS_WITH(read_text("bitsweep study 1\nname: x\ncolour: red\nend\n"),
                    Contains("study.txt:3: 'colour: red' is no line of"));
  for (const std::string line :
       {"run: one a b c", "run: 1 a", "published_loss: much", "published_loss: 3.7x"}) {
    CAPTURE(line);
    CHECK_THROWS_AS(read_text("bitsweep study 1\nrow: x\n" + line + "\nend\n"),
                    DataError);
    CHECK_THROWS_WITH(read_text("bitsweep study 1\nrow: x\n" + line + "\nend\n"),
                      Contains("study.txt:3: '" + line + "' has a value"));
  }
}
