// The canonical text of a run: approved, stable, complete, and no more than what matters.

#include <fstream>
#include <sstream>

#include <catch2/catch.hpp>

#include "framework/config/run_spec.h"
#include "tests/config/config_fixture.h"

using namespace bitsweep;
using namespace bitsweep::test;

namespace {

const std::string kStudy =
    "name: s\n"
    "dataset: {id: cifar10}\n"
    "network: {id: resnet, depth: 8}\n"
    "seeds: [7]\n"
    "edges: {first: 8}\n"
    "sites: [{match: \"*/conv1/weight\", method: {id: rounds, shares: [0.5, 0.75, 1]}}]\n"
    "fine_tuning: {epochs: 1.5, optimizer: {id: adam, learning_rate: 0.001}}\n"
    "rows: [{method: {id: bits, weight_bits: 4}}]\n";

RunSpec run_of(const std::string& text, const std::vector<std::string>& overrides = {}) {
  const Folder folder;
  const auto study = load_study(folder.write("study.yaml", text), overrides, Methods());
  return study.rows.back().runs.front();
}

std::string text_of(const std::vector<std::string>& overrides) {
  return run_of(kStudy, overrides).canonical_text();
}

std::string approved(const std::string& name) {
  std::ifstream file(BITSWEEP_SOURCE_DIR "/tests/config/approved/" + name);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

bool mentions(const std::string& text, const std::string& word) {
  return text.find(word) != std::string::npos;
}

}  // namespace

TEST_CASE("canonical texts are as approved", "[run][approved]") {
  CHECK(run_of(kStudy).canonical_text() == approved("quantized.yaml"));
  CHECK(run_of(kStudy).baseline().canonical_text() == approved("baseline.yaml"));
}

TEST_CASE("a canonical text reads back as itself", "[run][round trip]") {
  for (const std::vector<std::string>& overrides :
       {std::vector<std::string>{},
        {"start=scratch", "fine_tuning=none"},
        {"fine_tuning=none"},
        {"network=lenet"},
        {"training.iterations=5"},
        {"training.schedule={id: step, step: 3, warmup: 2}"},
        {"training.multipliers=[{match: \"*/bias\", decay: 0}]"},
        {"edges.first=float"}}) {
    const RunSpec run = run_of(kStudy, overrides);
    for (const RunSpec& one : {run, run.baseline()}) {
      const std::string text = one.canonical_text();
      CHECK(parse_run(text).canonical_text() == text);
    }
  }
}

TEST_CASE("a plugin's sum is a part of the run", "[run][round trip]") {
  const RunSpec run = run_of(
      "name: s\ndataset: {id: cifar10}\nnetwork: {id: lenet}\n"
      "rows: [{method: foreign, sites: [{match: a, method: {id: foreign}}]}]\n");
  CHECK(run.method.plugin == "0123abc");
  const RunSpec back = parse_run(run.canonical_text());
  CHECK(back.method.plugin == "0123abc");
  CHECK(back.sites[0].method.plugin == "0123abc");
  CHECK(back.method.params.empty());
  RunSpec rebuilt = run;
  rebuilt.method.plugin = "4567def";
  CHECK(digest(rebuilt, 1) != digest(run, 1));
}

TEST_CASE("a method's version and the data's sum are parts of the run",
          "[run][round trip]") {
  RunSpec run = run_of(kStudy);
  run.data_checksum = "89ab";
  run.method.version = 2;
  run.sites[0].method.version = 3;
  const RunSpec back = parse_run(run.canonical_text());
  CHECK(back.canonical_text() == run.canonical_text());
  CHECK(back.data_checksum == "89ab");
  CHECK(back.method.version == 2);
  CHECK(back.sites[0].method.version == 3);
  RunSpec newer = run;
  newer.method.version = 3;
  RunSpec other_data = run;
  other_data.data_checksum = "0000";
  CHECK(digest(newer, 1) != digest(run, 1));
  CHECK(digest(other_data, 1) != digest(run, 1));
  CHECK(digest(other_data.baseline(), 1) != digest(run.baseline(), 1));
  CHECK(digest(newer.baseline(), 1) == digest(run.baseline(), 1));
}

TEST_CASE("a dataset of one's own is known by place, name and the sum of its data",
          "[run][round trip]") {
  RunSpec run = run_of(
      "name: s\ndataset: {npz: pets.npz, test_share: 0.25}\nnetwork: {id: lenet}\n"
      "rows: [{method: {id: bits}}]\n");
  run.data_checksum = "89ab";
  const RunSpec back = parse_run(run.canonical_text());
  CHECK(back.canonical_text() == run.canonical_text());
  CHECK(back.dataset.id == "pets");
  CHECK(back.dataset.npz == "pets.npz");
  CHECK(back.dataset.test_share == 0.25);
  CHECK(back.data_checksum == "89ab");
  RunSpec other_data = run;
  other_data.data_checksum = "0000";
  CHECK(digest(other_data, 1) != digest(run, 1));
  CHECK(digest(other_data.baseline(), 1) != digest(run.baseline(), 1));
}

TEST_CASE("what a run reads back as is the run", "[run][round trip]") {
  const RunSpec run = parse_run(run_of(kStudy).canonical_text());
  CHECK(run.seed == 7);
  CHECK(run.dataset.id == "cifar10");
  CHECK(run.network.id == "resnet");
  CHECK(run.network.params.at("depth").text() == "8");
  CHECK(run.network.layers[3].body.size() == 5);
  CHECK(run.method.params.at("weight_bits").text() == "4");
  CHECK(run.edges.first == "8");
  CHECK(run.sites.at(0).match == "*/conv1/weight");
  CHECK(run.sites.at(0).method.params.at("shares").words ==
        std::vector<std::string>{"0.5", "0.75", "1"});
  CHECK(run.fine_tuning->epochs == 1.5);
  CHECK(run.fine_tuning->optimizer.id == "adam");
  CHECK(run.fine_tuning->preprocessing.mean == "pixel");
}

TEST_CASE("everything that matters changes the text", "[run]") {
  const std::string plain = text_of({});
  for (const std::string setting :
       {"seed=8", "dataset.validation=4000", "network.width=8", "edges.last=8",
        "edges.image=8", "sites=[]", "rows.0.method.weight_bits=3", "start=scratch",
        "calibration_batches=3", "fine_tuning.optimizer.quantizer_learning_rate=0.1",
        "fine_tuning.optimizer.quantizer_weight_decay=0", "training.batch_size=64",
        "training.augmentation.pad=3", "fine_tuning.epochs=2",
        "fine_tuning.optimizer.beta1=0.8", "fine_tuning.distillation={}",
        "fine_tuning.distillation.weight=0.5", "training.multipliers=[{match: x}]"}) {
    CAPTURE(setting);
    std::vector<std::string> overrides = {setting};
    if (setting == "seed=8") overrides = {"seeds=[8]"};
    CHECK(text_of(overrides) != plain);
  }
}

TEST_CASE("what cannot matter is not in the text", "[run]") {
  const std::string plain = text_of({});
  CHECK(text_of({"name=other", "rows.0.label=x", "rows.0.group=y",
                 "rows.0.published={loss: 1}"}) == plain);
  CHECK(text_of({"fine_tuning.optimizer.momentum=0.1"}) == plain);
  CHECK(text_of({"training.schedule.power=3"}) == plain);
  CHECK_FALSE(mentions(plain, "recipe"));
  CHECK_FALSE(mentions(plain, "distillation"));
  CHECK_FALSE(mentions(text_of({"edges.first=float"}), "image"));
  CHECK_FALSE(mentions(text_of({"start=scratch"}), "fine_tuning"));
}

TEST_CASE("a baseline knows nothing of what is quantized", "[run]") {
  const auto baseline = [](const std::vector<std::string>& overrides) {
    return run_of(kStudy, overrides).baseline().canonical_text();
  };
  const std::string plain = baseline({});
  CHECK(baseline({"edges.first=method", "rows.0.method=plain", "start=scratch",
                  "fine_tuning=none", "sites=[]", "calibration_batches=3",
                  "training.optimizer.quantizer_learning_rate=0.1"}) == plain);
  CHECK(baseline({"seeds=[8]"}) != plain);
  for (const char* word : {"edges", "sites", "start", "fine_tuning", "calibration"}) {
    CHECK_FALSE(mentions(plain, word));
  }
}

TEST_CASE("numbers are written as short as they read back", "[run]") {
  const RunSpec run = run_of(kStudy, {"fine_tuning.optimizer.learning_rate=0.1000",
                                      "fine_tuning.optimizer.epsilon=0.00000001"});
  CHECK(mentions(run.canonical_text(), "learning_rate: 0.1\n"));
  CHECK(mentions(run.canonical_text(), "epsilon: 1e-08\n"));
}

TEST_CASE("a digest names the text and the version of the numbers", "[run][digest]") {
  const RunSpec run = run_of(kStudy);
  CHECK(digest(run, 1).size() == 16);
  CHECK(digest(run, 1) == digest(parse_run(run.canonical_text()), 1));
  CHECK(digest(run, 1) != digest(run, 2));
  CHECK(digest(run, 1) != digest(run.baseline(), 1));
}

TEST_CASE("a text that is no run is refused", "[run][refusal]") {
  CHECK(refusal([] { parse_run("seed: x\nmethods: {id: float}\n"); }) ==
        "run:1: seed: 'x' is not a whole number\n"
        "run:2: methods: unknown key; did you mean 'method'?");
}
