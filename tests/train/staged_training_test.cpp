// A run cut anywhere and continued from its state by objects that know nothing of it.
#include "framework/train/staged_training.h"

#include <algorithm>
#include <cstring>

#include <catch2/catch.hpp>

#include "framework/core/error.h"
#include "framework/core/parallel.h"
#include "framework/quant/registry.h"
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

// Batch normalisation, shuffling, augmentation, momentum; five steps an epoch.
RunSpec small_run(const MethodSpec& of) {
  RunSpec run;
  run.dataset = {.id = "shapes", .validation = 12, .train_limit = 50, .test_limit = 10};
  run.network =
      model({convolution("conv", 4, 5, {{"stride", word("4")}}),
             layer("bn", "batch_norm"), layer("relu", "relu"), linear("fc1", "12"),
             layer("relu2", "relu"), linear("fc2", "classes")});
  run.training.epochs = 2;
  run.training.batch_size = 10;
  run.training.augmentation = {.pad = 2, .flip = true};
  run.training.schedule = {.id = "cosine"};
  run.method = of;
  run.edges = {.first = "method", .last = "method", .bias = "float"};
  run.start = "scratch";
  run.calibration_batches = 2;
  run.fine_tuning = run.training;
  return run;
}

// Thrown where a run is cut.
struct Cut {};

class Cutter final : public TrainingObserver {
 public:
  explicit Cutter(int cut_at) : left_(cut_at) {}
  bool may_want_state() const override { return true; }
  bool wants_state() override { return --left_ == 0; }
  void take_state(const ShowState& state) override {
    StateReader reader(taken);
    state(reader);
    throw Cut{};
  }

  SavedState taken;

 private:
  int left_;
};

// All that a process has of a run.
struct Process {
  const RunSpec& spec;
  const Dataset& data;
  Preprocessing preprocessing{spec.training.preprocessing, data.training};
  Network network;
  MethodList methods;
  StagedTraining training;

  Process(const RunSpec& run, const Dataset& its_data, TrainingObserver& observer)
      : spec(run),
        data(its_data),
        network(run.network, {.image = data.training.shape,
                              .classes = data.classes,
                              .batch = run.training.batch_size,
                              .seed = run.seed,
                              .engine = EngineKind::kReference}),
        methods(attached()),
        training(run, data, preprocessing, network, methods, observer, true) {}

  MethodList attached() {
    set_threads(1);  // two have nothing to share in a network of this size
    auto made =
        attach_quantizers(network, spec.method, spec.edges, spec.sites, staged_methods());
    network.build();
    return made;
  }

  // All that can still tell, scored as a run is.
  SavedState end() {
    network.prepare_evaluation();
    evaluate(network, Batches(data.test, preprocessing), Loss::kCrossEntropy);
    training.finish_health();
    return training.state();
  }
};

const Dataset& data_of(const RunSpec& run) {
  static const Dataset data = load_dataset(run.dataset, {});
  return data;
}

SavedState undisturbed(const RunSpec& run) {
  TrainingObserver silent;
  Process process(run, data_of(run), silent);
  process.training.run();
  return process.end();
}

// Bits, not numbers: a NaN is itself, and -0 is not 0.
bool is_same(const StateValue& a, const StateValue& b) {
  return a.index() == b.index() &&
         std::visit(
             [&](const auto& list) {
               const auto& other = std::get<std::decay_t<decltype(list)>>(b);
               using Value = typename std::decay_t<decltype(list)>::value_type;
               if constexpr (std::is_arithmetic_v<Value>) {
                 return list.size() == other.size() &&
                        (list.empty() || std::memcmp(list.data(), other.data(),
                                                     list.size() * sizeof(Value)) == 0);
               } else {
                 return list == other;
               }
             },
             a);
}

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

// Cut after every `stride` batches and continued from the state alone, until it is done.
SavedState in_pieces(const RunSpec& run, int stride, int* cuts = nullptr) {
  SavedState state;
  for (;;) {
    Cutter cutter(stride);
    Process process(run, data_of(run), cutter);
    if (!state.empty()) process.training.set_state(state);
    try {
      process.training.run();
      return process.end();
    } catch (const Cut&) {
      if (cuts != nullptr) ++*cuts;
      // A stage that begins again wants more than the stride to be over.
      if (!state.empty() && differences(state, cutter.taken).empty()) ++stride;
      state = cutter.taken;
    }
  }
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
    const RunSpec run = small_run(method(id));
    CHECK(differences(in_pieces(run, 5), undisturbed(run)) == std::vector<std::string>{});
  }
}

// Its stages: calibrate, freeze, train, ..., freeze, re-estimate normalisation.
TEST_CASE("every stage of rounds may be cut", "[train][resume]") {
  RunSpec run = small_run(inq({"0.3", "0.6", "1"}));
  for (const int stride : {1, 3}) check_pieces(run, stride);
}

TEST_CASE("stages of several methods may be cut", "[train][resume]") {
  RunSpec run = small_run(method("lsq"));
  run.sites = {{"fc1/weight", inq({"0.5", "1"})},
               {"conv/weight", inq({"0.2", "0.6", "1"})}};
  check_pieces(run, 2);
  run.method = inq({"0.4", "1"});
  run.sites = {{"fc1/weight", method("kmeans")}};
  check_pieces(run, 2);
}

TEST_CASE("pruning goes on from its schedule and its masks", "[train][resume]") {
  RunSpec run = small_run(method("lsq"));
  for (const char* schedule : {"gradual", "iterative", "one_shot"}) {
    INFO(schedule);
    run.pruning = PruningSpec{.schedule = schedule, .amounts = {{"fc*", 0.25}}};
    check_pieces(run, 3);
  }
}

// Two epochs of five steps; a curve has the rate of each epoch's last step.
TEST_CASE("Deep Compression retrains and tunes along a schedule each", "[train]") {
  const auto rates = [](const RawParams& params) {
    const RunSpec run = small_run(method("deep_compression", params));
    TrainingObserver silent;
    Process process(run, data_of(run), silent);
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
  RunSpec run = small_run(method("float"));
  run.network.layers.insert(run.network.layers.end() - 1,
                            layer("drop", "dropout", {{"rate", word("0.5")}}));
  run.pruning = PruningSpec{.schedule = "iterative",
                            .rounds = 2,
                            .scale_dropout = true,
                            .amounts = {{"fc1", 0.25}}};
  check_pieces(run, 3);
}

TEST_CASE("stochastic gradients draw what they would have drawn", "[train][resume]") {
  RunSpec run = small_run(method("dorefa", {{"gradient_bits", word("4")}}));
  check_pieces(run, 2);
}

TEST_CASE("each optimizer and schedule goes on", "[train][resume]") {
  RunSpec run = small_run(method("float"));
  run.training.optimizer.id = "adam";
  for (const char* schedule : {"fixed", "cosine", "step"}) {
    run.training.schedule.id = schedule;
    run.training.schedule.step = 1;
    check_pieces(run, 3);
  }
}

// The folded network has biases that the built one lacks.
TEST_CASE("a folded network goes on folded", "[train][resume]") {
  RunSpec run = small_run(method("affine", {{"fold_batch_norm", word("true")}}));
  check_pieces(run, 3);
}

// Calibrate, float activations, train, quantized activations, train, freeze, train, fold:
// ten steps in all.
TEST_CASE("training for integers may be cut between its delays", "[train][resume]") {
  RunSpec run = small_run(
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
  const RunSpec run = small_run(
      method("int8_training", {{"delay", word("3")}, {"freeze_delay", word("7")}}));
  Watcher watcher;
  Process process(run, data_of(run), watcher);
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
      small_run(method("affine", {{"activation_range", word("moving_average")}}));
  check_pieces(run, 3);
}

TEST_CASE("a float network without training is scored after a cut", "[train][resume]") {
  RunSpec run = small_run(method("affine"));
  run.start = "baseline";
  run.fine_tuning.reset();
  check_pieces(run, 1);
}

TEST_CASE("a state of another run is refused by what is wrong", "[train][resume]") {
  TrainingObserver silent;
  const RunSpec lsq = small_run(method("lsq")), twn = small_run(method("twn"));
  Process from(lsq, data_of(lsq), silent);
  from.training.run();
  SavedState state = from.training.state();
  Process to(twn, data_of(twn), silent);
  CHECK_THROWS_AS(to.training.set_state(state), RunError);
  state.erase("trainer/step");
  Process same(lsq, data_of(lsq), silent);
  CHECK_THROWS_WITH(same.training.set_state(state), Contains("it has no 'trainer/step'"));
}
