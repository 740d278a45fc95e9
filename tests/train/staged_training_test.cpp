// A run cut anywhere and continued from its state by objects that know nothing of it.
#include "framework/train/staged_training.h"

#include <utility>

#include <catch2/catch.hpp>

#include "framework/core/error.h"
#include "framework/core/parallel.h"
#include "framework/quant/registry.h"
#include "framework/train/cut_run.h"
#include "methods/builtin_methods.h"
#include "tests/nn/networks.h"

using namespace bitsweep;

namespace {

using Catch::Matchers::Contains;

const MethodRegistry& staged_methods() {
  static const MethodRegistry all = [] {
    MethodRegistry made;
    register_builtin_methods(made);
    return made;
  }();
  return all;
}

MethodSpec method(const std::string& id, const RawParams& raw = {}) {
  std::vector<ParamProblem> problems;
  return {id, staged_methods().at(id).resolve(raw, problems)};
}

MethodSpec inq(std::vector<std::string> portions) {
  return method("inq", {{"portions", RawValue::list(std::move(portions))}});
}

SavedState in_pieces(const RunSpec& run, int stride, int* cuts = nullptr) {
  set_threads(1);  // two have nothing to share in a network of this size
  auto pieces = train_in_pieces(run, data_to_cut(), staged_methods(), stride);
  if (cuts != nullptr) *cuts = pieces.cuts;
  return std::move(pieces.state);
}

SavedState undisturbed(const RunSpec& run) { return in_pieces(run, 0); }

std::vector<std::string> differences(const SavedState& a, const SavedState& b) {
  std::vector<std::string> names;
  for (const auto& [name, value] : a) {
    if (!b.contains(name) || !is_same(value, b.at(name))) names.push_back(name);
  }
  for (const auto& [name, value] : b) {
    if (!a.contains(name)) names.push_back(name);
  }
  return names;
}

void check_pieces(const RunSpec& run, int stride) {
  int cuts = 0;
  const SavedState pieces = in_pieces(run, stride, &cuts);
  CHECK(differences(pieces, undisturbed(run)) == std::vector<std::string>{});
  CHECK(cuts >= 1);
}

}  // namespace

TEST_CASE("a run in pieces is the run in one, under every method", "[train][resume]") {
  for (const auto& id : staged_methods().ids()) {
    INFO(id);
    const RunSpec run = run_to_cut(method(id));
    CHECK(differences(in_pieces(run, 5), undisturbed(run)) == std::vector<std::string>{});
  }
}

// Its stages: calibrate, freeze, train, ..., freeze, re-estimate normalisation.
TEST_CASE("every stage of rounds may be cut", "[train][resume]") {
  RunSpec run = run_to_cut(inq({"0.3", "0.6", "1"}));
  for (const int stride : {1, 3}) check_pieces(run, stride);
}

TEST_CASE("stages of several methods may be cut", "[train][resume]") {
  RunSpec run = run_to_cut(method("lsq"));
  run.sites = {{"fc1/weight", inq({"0.5", "1"})},
               {"conv/weight", inq({"0.2", "0.6", "1"})}};
  check_pieces(run, 2);
  run.method = inq({"0.4", "1"});
  run.sites = {{"fc1/weight", method("kmeans")}};
  check_pieces(run, 2);
}

TEST_CASE("pruning goes on from its schedule and its masks", "[train][resume]") {
  RunSpec run = run_to_cut(method("lsq"));
  for (const char* schedule : {"gradual", "iterative", "one_shot"}) {
    INFO(schedule);
    run.pruning = PruningSpec{.schedule = schedule, .amounts = {{"fc*", 0.25}}};
    check_pieces(run, 3);
  }
}

// Two epochs of five steps; a curve has the rate of each epoch's last step.
TEST_CASE("Deep Compression retrains and tunes along a schedule each", "[train]") {
  const auto rates = [](const RawParams& params) {
    const RunSpec run = run_to_cut(method("deep_compression", params));
    TrainingObserver silent;
    RunProcess process(run, data_to_cut(), staged_methods(), silent);
    process.training.run();
    return process.training.curves().at("learning_rate");
  };
  const auto each = rates({});
  REQUIRE(each.size() == 2);
  CHECK(each[0] == Approx(each[1]));
  const auto one = rates({{"restart_schedule", word("false")}});
  CHECK(one[0] > 10 * one[1]);
}

TEST_CASE("dropout goes on at the rate that its masks ask for", "[train][resume]") {
  RunSpec run = run_to_cut(method("float"));
  run.network.layers.insert(run.network.layers.end() - 1,
                            layer("drop", "dropout", {{"rate", word("0.5")}}));
  run.pruning = PruningSpec{.schedule = "iterative",
                            .rounds = 2,
                            .scale_dropout = true,
                            .amounts = {{"fc1", 0.25}}};
  check_pieces(run, 3);
}

TEST_CASE("stochastic gradients draw what they would have drawn", "[train][resume]") {
  RunSpec run = run_to_cut(method("dorefa", {{"gradient_bits", word("4")}}));
  check_pieces(run, 2);
}

TEST_CASE("each optimizer and schedule goes on", "[train][resume]") {
  RunSpec run = run_to_cut(method("float"));
  run.training.optimizer.id = "adam";
  for (const char* schedule : {"fixed", "cosine", "step"}) {
    run.training.schedule.id = schedule;
    run.training.schedule.step = 1;
    check_pieces(run, 3);
  }
}

// The folded network has biases that the built one lacks.
TEST_CASE("a folded network goes on folded", "[train][resume]") {
  RunSpec run = run_to_cut(method("affine", {{"fold_batch_norm", word("true")}}));
  check_pieces(run, 3);
}

// Calibrate, float activations, train, quantized activations, train, freeze, train, fold:
// ten steps in all.
TEST_CASE("training for integers may be cut between its delays", "[train][resume]") {
  RunSpec run = run_to_cut(
      method("int8_training", {{"delay", word("3")}, {"freeze_delay", word("7")}}));
  for (const int stride : {1, 2, 5}) check_pieces(run, stride);
}

TEST_CASE("delays switch activations on and freeze normalisation when they are over",
          "[train]") {
  // Told after each step.
  class Watcher final : public TrainingObserver {
   public:
    void stepped(const std::string&, const StepReport&) override {
      bool on = true;
      for (const BoundSite* bound : network->sites()) {
        if (bound->is_activation() && bound->is_quantized())
          on = on && bound->is_active();
      }
      activations += on ? "q" : "f";
      std::vector<float> now;
      for (const StateTensor& t : network->state()) {
        if (t.name == "bn/running_mean") now.assign(t.values.begin(), t.values.end());
      }
      statistics += now == before ? "s" : "m";
      before = now;
    }
    Network* network = nullptr;
    std::vector<float> before;
    std::string activations, statistics;
  };
  const RunSpec run = run_to_cut(
      method("int8_training", {{"delay", word("3")}, {"freeze_delay", word("7")}}));
  Watcher watcher;
  RunProcess process(run, data_to_cut(), staged_methods(), watcher);
  watcher.network = &process.network;
  CHECK(process.network.folds_in_training());
  process.training.run();
  CHECK(watcher.activations == "fffqqqqqqq");
  CHECK(watcher.statistics == "mmmmmmmsss");
  CHECK_FALSE(process.network.folds_in_training());
  CHECK(process.network.graph().nodes.size() > 0);
}

TEST_CASE("ranges that follow batches go on from where they were", "[train][resume]") {
  RunSpec run =
      run_to_cut(method("affine", {{"activation_range", word("moving_average")}}));
  check_pieces(run, 3);
}

TEST_CASE("a float network without training is scored after a cut", "[train][resume]") {
  RunSpec run = run_to_cut(method("affine"));
  run.start = "baseline";
  run.fine_tuning.reset();
  check_pieces(run, 1);
}

TEST_CASE("a state of another run is refused by what is wrong", "[train][resume]") {
  TrainingObserver silent;
  const RunSpec lsq = run_to_cut(method("lsq")), twn = run_to_cut(method("twn"));
  RunProcess from(lsq, data_to_cut(), staged_methods(), silent);
  from.training.run();
  SavedState state = from.training.state();
  RunProcess to(twn, data_to_cut(), staged_methods(), silent);
  CHECK_THROWS_AS(to.training.set_state(state), RunError);
  state.erase("trainer/step");
  RunProcess same(lsq, data_to_cut(), staged_methods(), silent);
  CHECK_THROWS_WITH(same.training.set_state(state), Contains("it has no 'trainer/step'"));
}
