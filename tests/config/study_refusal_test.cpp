// What is wrong with a study file, told with its place.

#include <catch2/catch.hpp>

#include "tests/config/studies.h"

using namespace bitsweep;
using namespace bitsweep::test;

TEST_CASE("a wrong override is named by its path", "[study][set]") {
  const std::string study = kHead + "rows: [{method: {id: bits}}]\n";
  CHECK(refused(study, {"training.epoch=1"}) ==
        "--set training.epoch: unknown key; did you mean 'epochs'?");
  CHECK(refused(study, {"rows.1.method=plain"}) ==
        "--set rows.1.method: 'rows' is a list; '1' is not one of its items, 0 to 0");
  CHECK(refused(study, {"name.x=1"}) ==
        "--set name.x: 'name' is the word 's', which has nothing below it");
  CHECK(refused(study, {"epochs"}) == "--set epochs: not of the form key.key=value");
  CHECK(refused(study, {"training={epochs: 1, epoch: 2}"}) ==
        "--set training: training.epoch: unknown key; did you mean 'epochs'?");
  CHECK(refused(study, {"training.epochs=x"}) ==
        "--set training.epochs: 'x' is not a number");
}

TEST_CASE("only fine-tuning has a teacher", "[study][refusal]") {
  const std::string study = kHead + "rows: [{method: {id: bits}}]\n";
  CHECK(refused(study, {"training.distillation={weight: 1}"}) ==
        "--set training.distillation: set it in 'fine_tuning': the teacher is the float "
        "network that 'training' makes");
  CHECK(refused(study, {"fine_tuning={epochs: 1, distillation: {weight: 2}}"}) ==
        "--set fine_tuning: fine_tuning.distillation.weight: 2 is not allowed "
        "(above 0, up to 1)");
  CHECK_THAT(refused(study, {"fine_tuning={epochs: 1, distillation: {weight: 0}}"}),
             Catch::Matchers::Contains("weight: 0 is not allowed"));
}

TEST_CASE("every mistake of a study is reported at once, in the order of lines",
          "[study][refusal]") {
  CHECK(
      refused("name: a b\n"
              "dataset: {id: mnits, validation: -1}\n"
              "network: {id: lenett}\n"
              "seeds: [1, 1]\n"
              "edges: {first: 4}\n"
              "training: {epochs: many, optimiser: {id: sgd}, optimizer: {id: lion}}\n"
              "fine_tuning: {preprocessing: {scale: 1}}\n"
              "row: 3\n"
              "rows:\n"
              "  - method: {id: bits, weight_bit: 4, activation_bits: [4, 64]}\n"
              "    start: nowhere\n"
              "  - method: {id: twn}\n"
              "  - group: x\n"
              "  - method: {id: plain}\n"
              "    published: {los: 1}\n") ==
      "study.yaml:1: name: a b is not allowed (at most 100 letters, digits, _, - and .)\n"
      "study.yaml:2: dataset.validation: -1 is not allowed (at least 0)\n"
      "study.yaml:2: dataset.id: 'mnits': unknown dataset; did you mean 'mnist'?\n"
      "study.yaml:3: network.id: 'lenett': unknown model; did you mean 'lenet'?\n"
      "study.yaml:4: seeds: [1, 1] is not allowed (different numbers of at least 0)\n"
      "study.yaml:5: edges.first: 4 is not allowed (one of: float, 8, method)\n"
      "study.yaml:6: training.epochs: 'many' is not a number\n"
      "study.yaml:6: training.optimizer.id: lion is not allowed (one of: sgd, adam)\n"
      "study.yaml:6: training.optimiser: unknown key; did you mean 'optimizer'?\n"
      "study.yaml:7: fine_tuning.preprocessing: set it in 'training': both see the same "
      "images\n"
      "study.yaml:8: row: unknown key; did you mean 'rows'?\n"
      "study.yaml:10: rows.0.method.weight_bit: unknown parameter; did you mean "
      "'weight_bits'?\n"
      "study.yaml:10: rows.0.method.activation_bits: 64 is not allowed (1 to 32)\n"
      "study.yaml:11: rows.0.start: nowhere is not allowed (one of: baseline, scratch)\n"
      "study.yaml:12: rows.1.method.id: unknown method 'twn'\n"
      "study.yaml:13: rows.2: a row needs a method: {id: ...}\n"
      "study.yaml:15: rows.3.published.los: unknown key; did you mean 'loss'?");
}

TEST_CASE("a row from scratch has no fine-tuning of its own", "[study][refusal]") {
  const std::string row = "rows: [{method: {id: bits}, fine_tuning: {epochs: 2}}]\n";
  const std::string sentence =
      "rows.0.fine_tuning: a run from scratch is trained as 'training' says";
  CHECK(refused(kHead + "start: scratch\n" + row) == "study.yaml:5: " + sentence);
  CHECK(refused(kHead + "start: baseline\n" + row) == "");
  CHECK(refused(kHead + "start: scratch\nfine_tuning: {epochs: 2}\n"
                        "rows: [{method: {id: bits}}]\n") == "");
}

TEST_CASE("a study says what it lacks", "[study][refusal]") {
  CHECK(refused("title: x\n") ==
        "study.yaml:1: a study needs a name\n"
        "study.yaml:1: a study needs a dataset: {id: ...}\n"
        "study.yaml:1: a study needs a network: {id: ...}\n"
        "study.yaml:1: a study needs rows: [{method: {id: ...}}], or one method");
  CHECK(refused(kHead + "rows: []\n") ==
        "study.yaml:4: rows: a list of rows is expected: [{method: {id: twn}}]");
  CHECK(refused("- a\n").starts_with(
      "study.yaml:1: the file is a list; a mapping of keys is expected"));
}

TEST_CASE("mistakes between keys are refused", "[study][refusal]") {
  const auto with = [](const std::string& lines) { return refused(kHead + lines); };
  const std::string rows = "rows: [{method: plain}]\n";
  CHECK(with("seed: 1\nseeds: [2]\n" + rows) ==
        "study.yaml:4: seed: given beside 'seeds'; keep one of them");
  CHECK(with("training: {epochs: 1, iterations: 5}\n" + rows) ==
        "study.yaml:4: training.iterations: given beside 'epochs'; keep one of them");
  CHECK(with("training: {schedule: {id: step}}\n" + rows) ==
        "study.yaml:4: training.schedule: the schedule 'step' needs a step above 0");
  CHECK(with("training: {schedule: {id: exponential}}\n" + rows) ==
        "study.yaml:4: training.schedule: the schedule 'exponential' needs a "
        "final_learning_rate above 0");
  CHECK(with("training: {schedule: {id: multistep, milestones: [5, 3]}}\n" + rows) ==
        "study.yaml:4: training.schedule: the milestones do not ascend");
  CHECK(with("rows: [{method: plain, start: scratch, fine_tuning: {epochs: 1}}]\n") ==
        "study.yaml:4: rows.0.fine_tuning: a run from scratch is trained as 'training' "
        "says");
  CHECK(with("rows: [{method: {id: bits, weight_bits: [2, 4]}, published: [{loss: "
             "1}]}]\n") ==
        "study.yaml:4: rows.0.published: 1 figures for the 2 rows that the lists of this "
        "row "
        "stand for");
  CHECK(with("rows:\n  - method: plain\n  - method: plain\n") ==
        "study.yaml:4: rows: two rows are 'plain'; remove one, or give it a label");
  CHECK(with("method: plain\n" + rows) ==
        "study.yaml:4: method: unknown key; known: name, "
        "title, keep, dataset, network, edges, training, "
        "fine_tuning, sites, start, calibration_batches, calibration, pruning, "
        "baseline, seeds, seed, rows");
  CHECK_THAT(with("rows: [{method: {id: bits, bits: [2, 4], weight_bits: 3}}]\n"),
             Catch::Matchers::Contains("given beside 'weight_bits'"));
  CHECK_THAT(with("rows: [{method: {id: bits, bits: [1]}}]\n"),
             Catch::Matchers::Contains("a width for weights and activations"));
  CHECK_THAT(with("rows: [{method: {id: plain, bits: 4}}]\n"),
             Catch::Matchers::Contains("'plain' has no weight_bits"));
  CHECK(with("sites: [{match: conv1}]\n" + rows) ==
        "study.yaml:4: sites.0: a site rule needs 'match' and 'method'");
  CHECK(with("rows: [{method: float, sites: [{match: conv1/weight, method: {id: "
             "bits}}]}]\n") ==
        "study.yaml:4: rows.0.sites: has no effect in a row of float; to quantize some "
        "sites alone, name their method at the row, and float in rules: {match: fc1/*, "
        "method: {id: float}}");
  CHECK(with("rows: [{method: {id: bits, weight_bits: []}}]\n") ==
        "study.yaml:4: rows.0.method.weight_bits: '[]' is not a whole number");
}

TEST_CASE("a study that is not there or not YAML is refused with its place",
          "[study][refusal]") {
  const Folder folder;
  const auto missing = folder.path() / "none.yaml";
  CHECK(without(refusal([&] { load_study(missing, {}, Methods()); }), folder.path()) ==
        "none.yaml: there is no such file");
  CHECK(refused("name: s\nrows: [1, 2\ntitle: x\n")
            .starts_with("study.yaml:3: not YAML: "));
}
