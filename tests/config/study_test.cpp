// Study files: expansion into rows, what rows inherit, labels, and what is refused.

#include <catch2/catch.hpp>

#include "framework/config/study_file.h"
#include "tests/config/config_fixture.h"

using namespace bitsweep;
using namespace bitsweep::test;

namespace {

const std::string kHead =
    "name: s\n"
    "dataset: {id: mnist}\n"
    "network: {id: lenet}\n";

StudySpec load(const std::string& text, const std::vector<std::string>& overrides = {}) {
  const Folder folder;
  return load_study(folder.write("study.yaml", text), overrides, Methods());
}

std::string refused(const std::string& text,
                    const std::vector<std::string>& overrides = {}) {
  const Folder folder;
  const auto file = folder.write("study.yaml", text);
  return without(refusal([&] { load_study(file, overrides, Methods(), {"mnist"}); }),
                 folder.path());
}

std::vector<std::string> labels(const StudySpec& study) {
  std::vector<std::string> all;
  for (const auto& row : study.rows) all.push_back(row.label);
  return all;
}

using Labels = std::vector<std::string>;

}  // namespace

TEST_CASE("a float baseline stands in front of the rows", "[study]") {
  const auto study = load(kHead + "rows: [{method: {id: bits}}]\n");
  CHECK(labels(study) == Labels{"float", "bits w2"});
  CHECK(study.rows[0].group == "baseline");
  CHECK(study.rows[0].runs[0].is_baseline());
  CHECK(study.rows[1].runs[0].baseline().canonical_text() ==
        study.rows[0].runs[0].canonical_text());
}

TEST_CASE("lists of a method make rows, the first one slowest", "[study]") {
  const auto study = load(
      kHead +
      "rows:\n  - method: {id: bits, weight_bits: [8, 4], activation_bits: [8, 32]}\n");
  CHECK(labels(study) ==
        Labels{"float", "bits w8 a8", "bits w8 a32", "bits w4 a8", "bits w4 a32"});
  CHECK(study.rows[2].runs[0].method.params.at("weight_bits").text() == "8");
  CHECK(study.rows[2].runs[0].method.params.at("activation_bits").text() == "32");
}

TEST_CASE("a list parameter expands by a list of lists only", "[study]") {
  const auto one = load(kHead + "rows: [{method: {id: rounds, shares: [0.3, 1]}}]\n");
  CHECK(labels(one) == Labels{"float", "rounds w5 shares=[0.3, 1]"});
  const auto two =
      load(kHead + "rows: [{method: {id: rounds, shares: [[0.5, 1], [0.7, 1]]}}]\n");
  CHECK(labels(two) ==
        Labels{"float", "rounds w5 shares=[0.5, 1]", "rounds w5 shares=[0.7, 1]"});
  CHECK(two.rows[2].runs[0].method.params.at("shares").words == Labels{"0.7", "1"});
}

TEST_CASE("widths that go together are given in pairs", "[study]") {
  CHECK(labels(load(kHead + "rows: [{method: {id: bits, bits: [[2, 3], [4, 4]]}}]\n")) ==
        Labels{"float", "bits w2 a3", "bits w4 a4"});
  CHECK(
      labels(load(kHead + "rows: [{label: x, method: {id: bits, bits: [[2, 3], [4, 4]], "
                          "stochastic: [true, false]}}]\n")) ==
      Labels{"float", "x w2 a3 stochastic=true", "x w2 a3 stochastic=false",
             "x w4 a4 stochastic=true", "x w4 a4 stochastic=false"});
  const auto one = load(kHead + "rows: [{method: {id: bits, bits: 4}}]\n");
  CHECK(one.rows[1].runs[0].method.params.at("activation_bits").text() == "4");
  CHECK(labels(load(kHead + "rows: [{method: {id: bits, bits: [2, 4]}}]\n")) ==
        Labels{"float", "bits w2 a4"});
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

TEST_CASE("lists of ids, edges, start and training keys make rows too", "[study]") {
  CHECK(labels(load(kHead + "rows: [{method: {id: [plain, bits]}}]\n")) ==
        Labels{"float", "plain", "bits w2"});
  CHECK(labels(load(kHead + "rows: [{method: plain, edges: {first: [8, method]}}]\n")) ==
        Labels{"float", "plain first=8", "plain first=method"});
  CHECK(labels(load(kHead + "rows: [{method: plain, start: [baseline, scratch]}]\n")) ==
        Labels{"float", "plain start=baseline", "plain start=scratch"});
  CHECK(labels(load(kHead + "fine_tuning: {optimizer: {learning_rate: [0.1, 0.01]}}\n"
                            "rows: [{method: plain}]\n")) ==
        Labels{"float", "plain fine_tuning.optimizer.learning_rate=0.1",
               "plain fine_tuning.optimizer.learning_rate=0.01"});
}

TEST_CASE("each dataset and network has its rows and its baseline", "[study]") {
  const auto study = load(
      "name: s\n"
      "dataset: [{id: mnist}, {id: fashion-mnist}]\n"
      "network: [lenet, {id: mlp-bn, width: [64, 128]}]\n"
      "rows: [{method: plain}]\n");
  CHECK(labels(study) ==
        Labels{"float mnist lenet", "plain mnist lenet", "float mnist mlp-bn width=64",
               "plain mnist mlp-bn width=64", "float mnist mlp-bn width=128",
               "plain mnist mlp-bn width=128", "float fashion-mnist lenet",
               "plain fashion-mnist lenet", "float fashion-mnist mlp-bn width=64",
               "plain fashion-mnist mlp-bn width=64",
               "float fashion-mnist mlp-bn width=128",
               "plain fashion-mnist mlp-bn width=128"});
  CHECK(study.rows[2].runs[0].network.layers[1].params.at("outputs").text() == "64");
}

TEST_CASE("a row may have a network of its own, with a baseline of its own", "[study]") {
  const auto study =
      load(kHead +
           "rows:\n"
           "  - {method: {id: bits}, network: {id: lenet-300-100}}\n"
           "  - {method: {id: bits}}\n"
           "  - {method: {id: bits, weight_bits: 3}, network: lenet-300-100}\n"
           "  - {method: {id: bits, weight_bits: 3}, network: lenet}\n");
  std::vector<std::string> networks;
  for (const auto& row : study.rows) networks.push_back(row.runs[0].network.id);
  CHECK(networks == std::vector<std::string>{"lenet-300-100", "lenet", "lenet-300-100",
                                             "lenet", "lenet-300-100", "lenet"});
  CHECK(study.rows[0].runs[0].is_baseline());
  CHECK(study.rows[1].runs[0].is_baseline());
  CHECK(study.rows[2].runs[0].baseline().network.id == "lenet-300-100");
}

TEST_CASE("a row's own network stands in its block, or else in the first", "[study]") {
  const auto study = load(
      "name: sample\n"
      "dataset: {id: mnist}\n"
      "network: [lenet, lenet-bn]\n"
      "rows:\n"
      "  - {method: {id: bits}, network: lenet-bn}\n"
      "  - {method: {id: bits}, network: lenet-300-100}\n"
      "  - {method: plain}\n");
  std::vector<std::string> networks;
  for (const auto& row : study.rows) networks.push_back(row.runs[0].network.id);
  CHECK(networks == std::vector<std::string>{"lenet-300-100", "lenet", "lenet-300-100",
                                             "lenet", "lenet-bn", "lenet-bn",
                                             "lenet-bn"});
  CHECK(study.rows[4].runs[0].is_baseline());
}

TEST_CASE("a run for each seed; a row's seeds replace the study's", "[study]") {
  const auto study =
      load(kHead +
           "seeds: [1, 2]\n"
           "rows:\n  - {method: plain}\n  - {method: bits, seeds: [2, 7]}\n");
  REQUIRE(study.rows.size() == 3);
  const auto seeds = [&](std::size_t row) {
    std::vector<std::int64_t> all;
    for (const auto& run : study.rows[row].runs) all.push_back(run.seed);
    return all;
  };
  CHECK(seeds(0) == std::vector<std::int64_t>{1, 2, 7});
  CHECK(seeds(1) == std::vector<std::int64_t>{1, 2});
  CHECK(seeds(2) == std::vector<std::int64_t>{2, 7});
}

TEST_CASE("a row's keys go over the study's, key by key", "[study]") {
  const auto study = load(kHead +
                          "edges: {first: 8, last: method}\n"
                          "fine_tuning: {epochs: 3, optimizer: {learning_rate: 0.02}}\n"
                          "calibration_batches: 4\n"
                          "rows:\n"
                          "  - method: plain\n"
                          "    edges: {first: float}\n"
                          "    fine_tuning: {optimizer: {momentum: 0}}\n");
  const RunSpec& run = study.rows[1].runs[0];
  CHECK(run.edges.first == "float");
  CHECK(run.edges.last == "method");
  CHECK(run.calibration_batches == 4);
  CHECK(run.fine_tuning->epochs == 3);
  CHECK(run.fine_tuning->optimizer.learning_rate == 0.02);
  CHECK(run.fine_tuning->optimizer.momentum == 0);
}

TEST_CASE("training starts from the recipe and fine-tuning from training", "[study]") {
  const auto study =
      load(kHead +
           "training: {recipe: lenet-bn, epochs: 3, optimizer: {id: adam}}\n"
           "fine_tuning: {schedule: {id: fixed}}\n"
           "rows: [{method: plain}]\n");
  const RunSpec& run = study.rows[1].runs[0];
  CHECK(run.training.recipe == "lenet-bn");
  CHECK(run.training.epochs == 3);
  CHECK(run.training.optimizer.id == "adam");
  CHECK(run.training.optimizer.learning_rate == 0.05);
  CHECK(run.training.schedule.id == "cosine");
  CHECK(run.fine_tuning->epochs == 3);
  CHECK(run.fine_tuning->optimizer.id == "adam");
  CHECK(run.fine_tuning->schedule.id == "fixed");
}

TEST_CASE("the model's recipe is used where the study names none", "[study]") {
  const auto plain = load(kHead + "rows: [{method: plain}]\n");
  CHECK(plain.rows[0].runs[0].training.iterations == 10000);
  CHECK(plain.rows[1].runs[0].fine_tuning->iterations == 10000);
  const auto shorter = load(kHead + "training: {epochs: 2}\nrows: [{method: plain}]\n");
  CHECK(shorter.rows[0].runs[0].training.iterations == 0);
  CHECK(shorter.rows[0].runs[0].training.epochs == 2);
  CHECK(shorter.rows[0].runs[0].training.batch_size == 64);
}

TEST_CASE("no fine-tuning is written none, or no epochs", "[study]") {
  for (const std::string none : {"none", "{epochs: 0}", "{iterations: 0}"}) {
    const auto study = load(
        kHead + "fine_tuning: {epochs: 5}\nrows: [{method: plain, fine_tuning: " + none +
        "}]\n");
    CHECK_FALSE(study.rows[1].runs[0].fine_tuning.has_value());
  }
}

TEST_CASE("a fine-tuning recipe keeps the images of training", "[study]") {
  const auto study = load(kHead +
                          "fine_tuning: {recipe: lenet-bn, epochs: 1}\n"
                          "rows: [{method: plain}]\n");
  const auto& fine_tuning = *study.rows[1].runs[0].fine_tuning;
  CHECK(fine_tuning.schedule.id == "cosine");
  CHECK(fine_tuning.preprocessing.scale == 1.0 / 256);
  CHECK(fine_tuning.preprocessing.mean == "none");
}

TEST_CASE("a run from scratch is trained by training", "[study]") {
  const auto study =
      load(kHead +
           "fine_tuning: {epochs: 5}\n"
           "rows: [{method: plain, start: scratch, training: {epochs: 2}}]\n");
  const RunSpec& run = study.rows[1].runs[0];
  CHECK(run.start == "scratch");
  CHECK(run.fine_tuning->epochs == 2);
  CHECK(study.rows[0].runs[0].training.epochs == 2);
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

TEST_CASE("a study whose rows all name their network needs none itself", "[study]") {
  const auto study = load(
      "name: s\ndataset: {id: mnist}\n"
      "rows:\n"
      "  - {method: plain, network: lenet}\n"
      "  - {method: plain, network: lenet-300-100}\n"
      "  - {method: bits, network: lenet}\n");
  std::vector<std::string> rows;
  for (const auto& row : study.rows) {
    rows.push_back(row.runs[0].network.id + " " + row.runs[0].method.id);
  }
  CHECK(rows == Labels{"lenet float", "lenet plain", "lenet bits", "lenet-300-100 float",
                       "lenet-300-100 plain"});
  CHECK(refused("name: s\ndataset: {id: mnist}\nrows: [{method: plain, network: lenet}, "
                "{method: bits}]\n") ==
        "study.yaml:1: a study needs a network: {id: ...}");
}

TEST_CASE("one method and one seed make a study of a single run", "[study]") {
  const auto study =
      load(kHead +
           "seed: 3\n"
           "method: {id: bits, weight_bits: 4}\n"
           "sites: [{match: conv1/weight, method: {id: bits, weight_bits: 8}}]\n");
  REQUIRE(labels(study) == Labels{"float", "bits w4"});
  REQUIRE(study.rows[1].runs.size() == 1);
  const RunSpec& run = study.rows[1].runs[0];
  CHECK(run.seed == 3);
  REQUIRE(run.sites.size() == 1);
  CHECK(run.sites[0].match == "conv1/weight");
  CHECK(run.sites[0].method.params.at("weight_bits").text() == "8");
  CHECK(run.sites[0].method.params.at("stochastic").text() == "false");
}

TEST_CASE("published figures may be listed in the order of the rows", "[study]") {
  const auto study =
      load(kHead +
           "rows:\n"
           "  - method: {id: bits, weight_bits: [8, 4]}\n"
           "    published: [none, {loss: -0.2, on: AlexNet, mark: verified}]\n"
           "  - method: plain\n"
           "    published: {loss: 0.6, source: survey}\n");
  CHECK_FALSE(study.rows[1].published.loss.has_value());
  CHECK(study.rows[2].published.loss == -0.2);
  CHECK(study.rows[2].published.mark == "verified");
  CHECK(study.rows[3].published.source == "survey");
  CHECK(study.rows[3].published.mark == "recalled");
}

TEST_CASE("a row's label is kept, and lists add what they chose", "[study]") {
  const auto study =
      load(kHead + "rows: [{label: Mine, method: {id: bits, weight_bits: [8, 2]}}]\n");
  CHECK(labels(study) == Labels{"float", "Mine w8", "Mine w2"});
}

TEST_CASE("rows that would be called the same say what differs", "[study]") {
  const auto study = load(kHead +
                          "rows:\n"
                          "  - {method: plain}\n"
                          "  - {method: plain, edges: {last: 8}}\n");
  CHECK(labels(study) == Labels{"float", "plain last=float", "plain last=8"});
}

TEST_CASE("what tells rows apart does not make them like another", "[study]") {
  const auto study = load(kHead +
                          "rows:\n"
                          "  - {label: x, method: {id: bits, activation_bits: 2}}\n"
                          "  - {label: x, method: {id: bits, activation_bits: 4}}\n"
                          "  - {label: x a2, method: {id: bits, activation_bits: 8}}\n");
  CHECK(labels(study) == Labels{"float", "x a2", "x a4", "x a2 a8"});
}

TEST_CASE("overrides change the study before it is read", "[study][set]") {
  const auto study = load(kHead + "rows: [{method: {id: bits}}]\n",
                          {"rows.0.method.weight_bits=[4, 8]", "training.epochs=0.5",
                           "edges.first=8", "seeds=[5, 6]", "network=mlp-bn"});
  CHECK(labels(study) == Labels{"float", "bits w4", "bits w8"});
  CHECK(study.rows[1].runs[0].training.epochs == 0.5);
  CHECK(study.rows[1].runs[0].edges.first == "8");
  CHECK(study.rows[1].runs[1].seed == 6);
  CHECK(study.rows[1].runs[0].network.id == "mlp-bn");
}

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

TEST_CASE("a parameter's former name is read, and a note says the present one",
          "[config]") {
  const std::string rows = "rows:\n  - method: {id: bits, ";
  const auto old = load(kHead + rows + "random: true}\n");
  const auto present = load(kHead + rows + "stochastic: true}\n");
  CHECK(old.rows.back().runs.front().canonical_text() ==
        present.rows.back().runs.front().canonical_text());
  CHECK(present.notes.empty());
  REQUIRE(old.notes.size() == 1);
  CHECK_THAT(old.notes.front(),
             Catch::EndsWith("study.yaml:5: rows.0.method.random: is called "
                             "'stochastic' now"));
}
