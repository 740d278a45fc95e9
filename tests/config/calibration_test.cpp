// Calibration in studies, and tables of it.
#include <catch2/catch.hpp>

#include "framework/config/calibration_table.h"
#include "tests/config/config_fixture.h"

using namespace bitsweep;
using namespace bitsweep::test;

namespace {

StudySpec study_with(const Folder& folder, const std::string& calibration) {
  return load_study(folder.write("study.yaml",
                                 "name: s\ndataset: {id: mnist}\nnetwork: {id: lenet}\n"
                                 "fine_tuning: none\ncalibration: " +
                                     calibration + "\nrows: [{method: {id: bits}}]\n"),
                    {}, Methods());
}

}  // namespace

TEST_CASE("a run's calibration stands in its text, where it is not the usual one",
          "[calibration]") {
  const Folder folder;
  const RunSpec run = study_with(folder, "{images: 640, seed: 5}").rows[1].runs[0];
  CHECK(run.calibration.images == 640);
  CHECK_THAT(run.canonical_text(),
             Catch::Contains("calibration: {images: 640, seed: 5}"));
  CHECK(parse_run(run.canonical_text()).calibration == run.calibration);
  RunSpec usual = run;
  usual.calibration = {};
  CHECK_THAT(usual.canonical_text(), !Catch::Contains("calibration:"));
}

TEST_CASE("a calibration varies in lists", "[calibration]") {
  const Folder folder;
  const auto study = study_with(folder, "{images: [64, 640]}");
  REQUIRE(study.rows.size() == 3);
  CHECK(study.rows[1].runs[0].calibration.images == 64);
  CHECK(study.rows[2].runs[0].calibration.images == 640);
}

TEST_CASE("a table and images beside it are refused", "[calibration]") {
  const Folder folder;
  CHECK_THAT(refusal([&] { study_with(folder, "{table: t.yaml, images: 64}"); }),
             Catch::Contains("a table takes the place of images"));
}

TEST_CASE("what is in a table is part of the run", "[calibration]") {
  const Folder folder;
  const CalibratedSite site{.site = "conv1/input",
                            .method = "affine",
                            .estimator = "mse",
                            .state = {{"scale", {0.1f}}, {"zero_point", {3}}}};
  const auto table = folder.write("t.yaml", calibration_table_text({site}, {"how"}));
  auto study = study_with(folder, "{table: " + table.string() + "}");
  identify_calibration_tables(study);
  const RunSpec run = study.rows[1].runs[0];
  CHECK(run.calibration.table_checksum.size() == 64);
  CHECK(parse_run(run.canonical_text()).calibration == run.calibration);
  folder.write("t.yaml", calibration_table_text({site}, {"otherwise"}));
  identify_calibration_tables(study);
  CHECK(study.rows[1].runs[0].canonical_text() != run.canonical_text());
}

TEST_CASE("a calibration table is read as it was written", "[calibration]") {
  const Folder folder;
  const std::vector<CalibratedSite> sites = {
      {.site = "conv1/input",
       .method = "affine",
       .estimator = "kl_tensorrt",
       .bits = 8,
       .low = -1.5f,
       .high = 1.0f / 3,
       .state = {{"scale", {1.17549435e-38f}}, {"zero_point", {-43}}}},
      {.site = "fc1/input",
       .method = "lsq",
       .estimator = "",
       .bits = 4,
       .low = 0,
       .high = 2,
       .state = {{"step", {0.1f, 0.2f}}}}};
  const auto file = folder.write(
      "t.yaml", calibration_table_text(sites, {"bitsweep calibrate s.yaml"}));
  const auto read = read_calibration_table(file);
  REQUIRE(read.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(read[i].site == sites[i].site);
    CHECK(read[i].method == sites[i].method);
    CHECK(read[i].estimator == sites[i].estimator);
    CHECK(read[i].bits == sites[i].bits);
    CHECK(read[i].low == sites[i].low);
    CHECK(read[i].high == sites[i].high);
    CHECK(read[i].state == sites[i].state);
  }
}

TEST_CASE("a file that is no calibration table is refused with its place",
          "[calibration]") {
  const Folder folder;
  const auto refused = [&](const std::string& text) {
    const auto file = folder.write("t.yaml", text);
    return without(refusal([&] { read_calibration_table(file); }), folder.path());
  };
  CHECK_THAT(refused("name: study\n"), Catch::Contains("name: unknown key"));
  CHECK_THAT(refused("sites: [a]\n"), Catch::Contains("needs sites"));
  CHECK_THAT(refused("sites:\n  conv1/input: {method: affine, scale: wide}\n"),
             Catch::Contains("t.yaml:2: sites.conv1/input.scale: 'wide' is no number"));
  CHECK_THAT(refused("sites:\n  conv1/input: {scale: 1}\n"),
             Catch::Contains("a site needs its method"));
  CHECK_THAT(refusal([&] { read_calibration_table(folder.path() / "none.yaml"); }),
             Catch::Contains("none.yaml"));
}
