#include "framework/report/manifest.h"

#include <fstream>
#include <random>
#include <sstream>

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "framework/core/digest.h"
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
  std::ofstream(manifest_path(folder.path()), std::ios::binary) << text;  // not synced
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
  CHECK_FALSE(back.rows[1].weight_bits.is_known());
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

TEST_CASE("a manifest of thousands of rows is read back") {
  StudyManifest manifest{"many", "many", "study.yaml", {}, {}};
  const auto row = sample_manifest().rows[2];
  for (int r = 0; r < 3000; ++r) {
    manifest.rows.push_back(row);
    manifest.rows.back().label = fmt::format("row {}", r);
  }
  const auto back = read_text(written(manifest));
  REQUIRE(back.rows.size() == 3000);
  CHECK(back.name == "many");
  CHECK(back.rows[0].label == "row 0");
  CHECK(back.rows[2999].label == "row 2999");
  CHECK(back.rows[2999].runs[2].name.digest == "dorefa-3");
}

TEST_CASE("a manifest of any layout is read, as programs before this one wrote it") {
  const std::string seal = "bitsweep study 2\nsha256 ";
  const auto sealed = [&](const std::string& body) {
    return seal + sha256_hex(body) + "\n" + body;
  };
  CHECK(read_text(sealed("name: a\nrows: [{label: x}, {label: y}]\n")).rows.size() == 2);
  CHECK(read_text(sealed("rows:\n  - {label: x}\n  - {label: y}\n")).rows.size() == 2);
  CHECK(read_text(sealed("name: a\nrows: []\n")).rows.empty());
  CHECK(read_text(sealed("rows:\n  - label: x\n    group: g\n  - label: y\n"))
            .rows[0]
            .group == "g");
  CHECK_THROWS_WITH(read_text(sealed("rows:\n  - {label: x}\n  - {lable: y}\n")),
                    Contains("study.txt, row 2:2: ") && Contains("did you mean 'label'"));
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
  CHECK(row_of(run).weight_bits.text() == "5");
  CHECK(row_of(run).activation_bits.text() == "4");
  run.sites = {{"fc*/weight", sample_method("lognet", "4", "3")},
               {"conv1/*", sample_method("float")},
               {"conv2/input", sample_method("twn")},
               {"fc9/gradient", sample_method("twn")}};
  CHECK(row_of(run).weight_bits.text() == "5 (fc*: 4, conv1: 32)");
  CHECK(row_of(run).activation_bits.text() == "4 (conv1: 32, conv2: twn)");
}

TEST_CASE("a manifest keeps the bits of gradients") {
  auto study = sample_study();
  study.rows[2].runs[0].method.params["gradient_bits"] = RawValue::scalar("6");
  study.rows[2].runs[0].sites = {{"fc*/*", sample_method("twn")}};
  const ScratchFolder folder;
  write_manifest(make_manifest(study, sample_name), folder.path());
  const auto rows = read_manifest(folder.path()).rows;
  CHECK(rows[2].gradient_bits.text() == "6 (fc*: 32)");
  CHECK(rows[1].gradient_bits.text() == "32");
}

TEST_CASE("a method without activation bits leaves activations in float") {
  RunSpec run;
  run.method = sample_method("twn");
  CHECK_FALSE(row_of(run).weight_bits.is_known());
  CHECK(row_of(run).activation_bits.text() == "32");
  CHECK(row_of({}).weight_bits.text() == "32");
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
                    Contains("no results of a study (there is no study.txt)"));
  CHECK_THROWS_WITH(read_manifest(folder / "none"),
                    Contains("none: there is no such folder"));
  CHECK_THROWS_WITH(read_text("name: x\n"), Contains("is not a study manifest"));
  CHECK_THROWS_WITH(
      read_text("bitsweep study 1\nend\n"),
      Contains("'bitsweep study 1', this program reads 'bitsweep study 2'"));
}

namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line + "\n");
  return lines;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) text += line;
  return text;
}

// A flipped bit, a line that is gone or doubled or swapped, a cut end, a changed digit.
std::string mutated(const std::string& text, std::mt19937& random) {
  const auto below = [&](std::size_t count) { return random() % count; };
  std::string changed = text;
  auto lines = lines_of(text);
  const auto line = std::ptrdiff_t(below(lines.size()));
  switch (below(6)) {
    case 0:
      changed[below(text.size())] ^= char(1 << below(8));
      return changed;
    case 1:
      lines.erase(lines.begin() + line);
      return joined(lines);
    case 2:
      lines.insert(lines.begin() + line, lines[std::size_t(line)]);
      return joined(lines);
    case 3:
      std::swap(lines[std::size_t(line)], lines[below(lines.size())]);
      return joined(lines);
    case 4:
      return text.substr(0, below(text.size()));
    default:
      const auto digit = text.find_first_of("0123456789", below(text.size()));
      if (digit != text.npos) changed[digit] = char('0' + below(10));
      return changed;
  }
}

}  // namespace

TEST_CASE("a manifest that is not what was written is refused, or gives the same table") {
  const auto text = written(sample_manifest());
  const auto table = [](const StudyManifest& manifest) {
    return render(build_report(manifest, lookup_in(sample_records())), "csv");
  };
  const auto expected = table(read_text(text));
  std::mt19937 random(2024);
  int refused = 0;
  for (int i = 0; i < 1000; ++i) {
    const auto changed = mutated(text, random);
    CAPTURE(i, changed);
    try {
      if (table(read_text(changed)) != expected) FAIL("another table");
      if (changed != text) FAIL("a changed manifest was read");
    } catch (const DataError& error) {
      ++refused;
      const std::string why = error.what();
      if (why.find("study.txt: ") == why.npos) FAIL(why);
    }
  }
  CHECK(refused > 900);
}

TEST_CASE("a damaged manifest is told of with the way out") {
  auto text = written(sample_manifest());
  const auto bits = text.find("bits: 5");
  REQUIRE(bits != text.npos);
  text[bits + 6] = '4';
  CHECK_THROWS_WITH(read_text(text), Contains("study.txt: its lines do not match its "
                                              "checksum: the file is damaged; delete it "
                                              "and run the study again"));
}
