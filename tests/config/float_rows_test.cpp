// The rows of float networks: baselines, controls, those that a study writes.

#include <catch2/catch.hpp>

#include "tests/config/studies.h"

using namespace bitsweep;
using namespace bitsweep::test;

TEST_CASE("a float baseline stands in front of the rows", "[study]") {
  const auto study = load(kHead + "rows: [{method: {id: bits}}]\n");
  CHECK(labels(study) == Labels{"float", "bits w2"});
  CHECK(study.rows[0].group == "baseline");
  CHECK(study.rows[0].runs[0].is_baseline());
  CHECK(study.rows[1].runs[0].baseline().canonical_text() ==
        study.rows[0].runs[0].canonical_text());
}

TEST_CASE("a row asks for a float control, which other rows share", "[study]") {
  const auto study = load(kHead +
                          "fine_tuning: {epochs: 2}\nbaseline: {fine_tuned: true}\n"
                          "rows:\n"
                          "  - {method: plain}\n"
                          "  - {method: {id: bits, weight_bits: [2, 3]}}\n"
                          "  - {method: plain, fine_tuning: {epochs: 5}}\n"
                          "  - {method: plain, baseline: {fine_tuned: false}, "
                          "calibration_batches: 3}\n");
  REQUIRE(study.rows.size() == 8);
  CHECK(study.rows[0].runs[0].is_baseline());
  for (const std::size_t i : {1, 2}) {
    const RunSpec& control = study.rows[i].runs[0];
    CHECK(control.is_float());
    CHECK_FALSE(control.is_baseline());
    CHECK(control.starts_from_baseline());
    CHECK(parse_run(control.canonical_text()).canonical_text() ==
          control.canonical_text());
    CHECK(control.baseline().canonical_text() == study.rows[0].runs[0].canonical_text());
  }
  CHECK(study.rows[1].runs[0].fine_tuning->epochs == 2);
  CHECK(study.rows[2].runs[0].fine_tuning->epochs == 5);
  const auto control_of = [&](std::size_t row) {
    return study.rows[row].runs[0].control().canonical_text();
  };
  CHECK(control_of(3) == study.rows[1].runs[0].canonical_text());
  CHECK(control_of(4) == control_of(3));
  CHECK(control_of(6) == study.rows[2].runs[0].canonical_text());
  CHECK(control_of(7) == study.rows[0].runs[0].canonical_text());
}

TEST_CASE("rows with a training of their own have a baseline of their own", "[study]") {
  const auto study = load(kHead +
                          "rows:\n"
                          "  - {method: plain}\n"
                          "  - {method: bits, training: {epochs: 2}}\n");
  CHECK(labels(study) == Labels{"float training.iterations=10000",
                                "float training.epochs=2", "plain", "bits w2"});
}

TEST_CASE("an explicit float row describes the baseline and adds none", "[study]") {
  const auto study =
      load(kHead +
           "rows:\n"
           "  - {method: plain}\n"
           "  - {method: float, label: \"32-bit\", published: {accuracy: 99.15}}\n");
  CHECK(labels(study) == Labels{"32-bit", "plain"});
  CHECK(study.rows[0].published.accuracy == 99.15);
}

TEST_CASE("a float row with its own fine-tuning is a run of its own", "[study]") {
  const auto study = load(kHead +
                          "fine_tuning: {epochs: 3}\n"
                          "rows:\n"
                          "  - {method: plain}\n"
                          "  - {method: float}\n"
                          "  - {method: float, label: longer, fine_tuning: {epochs: 5}}\n"
                          "  - {method: float, fine_tuning: {epochs: [1, 2]}}\n");
  REQUIRE(labels(study) == Labels{"float", "longer",
                                  "float, fine-tuned fine_tuning.epochs=1",
                                  "float, fine-tuned fine_tuning.epochs=2", "plain"});
  CHECK(study.rows[0].runs[0].is_baseline());
  REQUIRE(study.rows[1].runs[0].fine_tuning);
  CHECK(study.rows[1].runs[0].fine_tuning->epochs == 5);
  CHECK(study.rows[1].runs[0].is_float());
}

TEST_CASE("what a float row would lose is refused", "[study][refusal]") {
  const auto with = [](const std::string& lines) { return refused(kHead + lines); };
  const std::string rows = "rows:\n  - {method: plain}\n";
  for (const std::string key :
       {"edges: {first: 8}", "start: scratch", "calibration: {images: 100}",
        "calibration_batches: 5", "baseline: {fine_tuned: true}"}) {
    CAPTURE(key);
    CHECK(with(rows + "  - {method: float, " + key + "}\n") ==
          "study.yaml:6: rows.1." + key.substr(0, key.find(':')) +
              ": has no effect in a row of float, which quantizes nothing");
  }
  CHECK(with(rows + "  - {method: float}\n  - {method: float, label: mine}\n") ==
        "study.yaml:7: rows.2: is the float network of the row in line 6 again; remove "
        "it, or give it training or fine_tuning of its own");
  CHECK(with("rows: [{method: {id: [float, bits]}, edges: {first: [8, method]}}]\n")
            .empty());
  CHECK(with("edges: {first: 8}\n" + rows + "  - {method: float}\n").empty());
}
