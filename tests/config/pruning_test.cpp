// `pruning:` of studies and rows.

#include <catch2/catch.hpp>

#include "framework/config/pruning_spec.h"
#include "framework/config/run_spec.h"
#include "framework/config/yaml.h"
#include "tests/config/config_fixture.h"

using namespace bitsweep;
using namespace bitsweep::test;
using Catch::Matchers::Contains;

namespace {

StudySpec study_of(const std::string& rows) {
  const Folder folder;
  const auto file = folder.write("study.yaml",
                                 "name: s\ndataset: {id: cifar10}\n"
                                 "network: {id: lenet}\nrows:\n" +
                                     rows);
  return load_study(file, {}, Methods());
}

RunSpec pruned_run(const std::string& pruning) {
  return study_of("  - {method: {id: float}, pruning: " + pruning + "}\n")
      .rows.back()
      .runs.front();
}

}  // namespace

TEST_CASE("a pruned float network is a row, not its baseline", "[pruning]") {
  const auto study = study_of(
      "  - {method: {id: float}}\n  - {method: {id: float}, pruning: {keep: 0.1}}\n");
  REQUIRE(study.rows.size() == 2);
  CHECK(study.rows[0].runs.front().is_baseline());
  CHECK(study.rows[1].label == "float pruned");
  const RunSpec& run = study.rows[1].runs.front();
  CHECK_FALSE(run.is_baseline());
  CHECK(run.baseline().canonical_text() == study.rows[0].runs.front().canonical_text());
}

TEST_CASE("amounts are a number, or numbers by layer in their order", "[pruning]") {
  const auto all = pruned_run("{keep: 0.1}").pruning;
  REQUIRE(all->amounts.size() == 1);
  CHECK(all->amounts[0].match == "*");
  CHECK(all->amounts[0].amount == 0.1);
  const auto by_layer = pruned_run("{keep: {conv1: 0.66, \"*\": 0.08}}").pruning;
  REQUIRE(by_layer->amounts.size() == 2);
  CHECK(by_layer->amounts[0].match == "conv1");
  CHECK(by_layer->amounts[1].amount == 0.08);
  CHECK(pruned_run("{sparsity: 0.9}").canonical_text() ==
        pruned_run("{keep: 0.1}").canonical_text());
  CHECK(pruned_run("{quality: 1.5}").pruning->measure == "quality");
}

// So that runs made before there was the option are still found.
TEST_CASE("dropout that is not scaled is not in a run's text", "[pruning]") {
  const RunSpec plain = pruned_run("{keep: 0.1, scale_dropout: false}");
  CHECK(plain.canonical_text() == pruned_run("{keep: 0.1}").canonical_text());
  const RunSpec scaled = pruned_run("{keep: 0.1, scale_dropout: true}");
  CHECK(scaled.pruning->scale_dropout);
  CHECK(scaled.canonical_text() != plain.canonical_text());
}

TEST_CASE("a list of amounts makes rows", "[pruning]") {
  const auto study =
      study_of("  - {method: {id: float}, pruning: {keep: [0.5, 0.25]}}\n");
  CHECK(study.rows.size() == 3);  // and the baseline
}

TEST_CASE("a list for one layer makes rows that name it", "[pruning]") {
  const auto study = study_of(
      "  - {method: {id: float}, pruning: {keep: {conv1: [0.5, 0.25]}}}\n"
      "  - {method: {id: float}, pruning: {keep: {ip1: [0.5, 0.25]}}}\n");
  REQUIRE(study.rows.size() == 5);
  CHECK(study.rows[2].runs.front().pruning->amounts.front().amount == 0.25);
  CHECK_THAT(study.rows[2].label, Contains("conv1=0.25"));
  CHECK_THAT(study.rows[3].label, Contains("ip1=0.5"));
}

TEST_CASE("pruning is part of the run and reads back", "[pruning][round trip]") {
  for (const char* pruning :
       {"{keep: 0.1}", "{keep: {conv1: 0.66, ip*: 0.08}, begin: 0.25}",
        "{sparsity: 0.9, schedule: gradual, end: 0.75, updates: 7}",
        "{quality: {conv1: 0.5}, schedule: iterative, rounds: 4}",
        "{keep: 0.2, scope: global}"}) {
    const std::string text = pruned_run(pruning).canonical_text();
    CHECK(parse_run(text).canonical_text() == text);
    CHECK(text != pruned_run("{keep: 0.3}").canonical_text());
  }
  // What a schedule has no use for is not in it.
  CHECK(pruned_run("{keep: 0.1, rounds: 9}").canonical_text() ==
        pruned_run("{keep: 0.1}").canonical_text());
}

TEST_CASE("pruning of a study holds for its rows, but those that say none", "[pruning]") {
  const Folder folder;
  const auto file =
      folder.write("study.yaml",
                   "name: s\ndataset: {id: cifar10}\nnetwork: {id: lenet}\n"
                   "pruning: {keep: 0.1}\n"
                   "rows:\n  - {method: {id: bits}}\n"
                   "  - {method: {id: bits}, label: whole, pruning: none}\n");
  const auto study = load_study(file, {}, Methods());
  REQUIRE(study.rows.size() == 3);
  CHECK(study.rows[1].runs.front().pruning);
  CHECK_FALSE(study.rows[2].runs.front().pruning);
}

TEST_CASE("a row's pruning goes over the study's, key by key", "[pruning]") {
  const Folder folder;
  const auto pruning_of = [&](const std::string& shared, const std::string& own) {
    const auto file = folder.write(
        "study.yaml",
        "name: s\ndataset: {id: cifar10}\nnetwork: {id: lenet}\npruning: " + shared +
            "\nrows: [{method: {id: float}, pruning: " + own + "}]\n");
    return write_yaml(
        pruning_node(*load_study(file, {}, Methods()).rows.back().runs.front().pruning));
  };
  const std::string shared = "{keep: {conv1: 0.66, '*': 0.08}, begin: 0.25}";
  const auto is_same = [&](const std::string& own, const std::string& whole) {
    CAPTURE(own);
    CHECK(pruning_of(shared, own) == pruning_of("none", whole));
  };
  is_same("{scope: layer}", "{keep: {conv1: 0.66, '*': 0.08}, begin: 0.25}");
  is_same("{keep: {conv1: 0.5}}", "{keep: {conv1: 0.5, '*': 0.08}, begin: 0.25}");
  is_same("{keep: {ip1: 0.1}}",
          "{keep: {ip1: 0.1, conv1: 0.66, '*': 0.08}, begin: 0.25}");
  is_same("{keep: 0.5, begin: 0}", "{keep: 0.5, begin: 0}");
  is_same("{sparsity: 0.9}", "{sparsity: 0.9, begin: 0.25}");
}

TEST_CASE("mistakes of pruning are refused", "[pruning][refusal]") {
  CHECK_THROWS_WITH(pruned_run("{schedule: gradual}"),
                    Contains("needs one of 'keep', 'sparsity' and 'quality'"));
  CHECK_THROWS_WITH(pruned_run("{keep: 0.1, sparsity: 0.9}"), Contains("needs one of"));
  CHECK_THROWS_WITH(pruned_run("{keep: 0}"),
                    Contains("0 is not allowed (above 0, up to 1)"));
  CHECK_THROWS_WITH(pruned_run("{keep: 0.1, schedule: gradual, begin: 0.6}"),
                    Contains("begins at 0.6 and ends before, at 0.5"));
  CHECK_THROWS_WITH(pruned_run("{keep: {conv1: 0.5, \"*\": 0.1}, scope: global}"),
                    Contains("one amount for all layers"));
}
