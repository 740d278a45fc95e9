// Study files: expansion into rows, what rows inherit, labels.

#include <catch2/catch.hpp>

#include "tests/config/studies.h"

using namespace bitsweep;
using namespace bitsweep::test;

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
        "study.yaml:3: rows.1: a study needs a network: {id: ...}");
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
