// Runs with the real pipeline, on made-up images: whose stages reach which weights.
#include <algorithm>
#include <bit>
#include <cmath>
#include <set>

#include <catch2/catch.hpp>

#include "framework/app/run_experiment.h"
#include "framework/eval/size.h"
#include "methods/builtin_methods.h"
#include "tests/nn/networks.h"

using namespace bitsweep;

namespace {

const MethodRegistry& stage_methods() {
  static const MethodRegistry all = [] {
    MethodRegistry made;
    register_builtin_methods(made);
    return made;
  }();
  return all;
}

MethodSpec method(const std::string& id, const RawParams& raw = {}) {
  std::vector<ParamProblem> problems;
  return {id, stage_methods().at(id).resolve(raw, problems)};
}

MethodSpec inq(std::vector<std::string> portions) {
  return method("inq", {{"portions", RawValue::list(std::move(portions))}});
}

RunSpec small_run(const MethodSpec& of) {
  RunSpec run;
  run.dataset = {.id = "shapes", .validation = 20, .train_limit = 100, .test_limit = 20};
  run.network =
      model({convolution("conv", 4, 5, {{"stride", word("4")}}), layer("relu", "relu"),
             linear("fc1", "20"), layer("relu2", "relu"), linear("fc2", "classes")});
  run.training.epochs = 2;
  run.training.batch_size = 20;
  run.method = of;
  run.edges = {.first = "method", .last = "method", .bias = "float"};
  run.start = "scratch";
  run.fine_tuning = run.training;
  return run;
}

RunRecord staged_record(const RunSpec& run) {
  RunObserver silent;
  return run_experiment(run, {.methods = &stage_methods()}, silent);
}

bool are_powers_of_2(const std::vector<float>& values) {
  return std::all_of(values.begin(), values.end(), [](float v) {
    int exponent = 0;
    return v == 0 || std::fabs(std::frexp(v, &exponent)) == 0.5f;
  });
}

}  // namespace

TEST_CASE("a site rule's method goes through all its stages", "[run][stages]") {
  RunSpec run = small_run(method("dynamic_fixed_point"));
  run.sites = {{"fc1/weight", inq({"0.5", "0.75", "1"})}};
  const auto state = staged_record(run).state;
  CHECK(are_powers_of_2(state.at("fc1/weight").values));
  CHECK_FALSE(are_powers_of_2(state.at("conv/weight").values));
}

TEST_CASE("one method with two settings goes by both", "[run][stages]") {
  RunSpec run = small_run(inq({"0.5", "1"}));
  run.sites = {{"fc1/weight", inq({"0.2", "0.6", "1"})}};
  const auto state = staged_record(run).state;
  for (const char* name : {"conv/weight", "fc1/weight", "fc2/weight"}) {
    CHECK(are_powers_of_2(state.at(name).values));
  }
}

TEST_CASE("a pruned run keeps the shares that it names", "[run][pruning]") {
  RunSpec run = small_run(method("float"));
  run.pruning = PruningSpec{.amounts = {{"fc1", 0.25}}};
  REQUIRE_FALSE(run.is_baseline());
  const RunRecord record = staged_record(run);
  const auto& values = record.state.at("fc1/weight").values;
  const auto kept =
      std::count_if(values.begin(), values.end(), [](float v) { return v != 0; });
  CHECK(double(kept) == Approx(0.25 * double(values.size())).margin(1));
  for (const SizeEntry& entry : record.sizes) {
    const bool is_pruned = entry.site == "fc1/weight";
    CHECK((entry.pruned > 0) == is_pruned);
    if (is_pruned) CHECK(entry.elements - entry.pruned == kept);
  }
}

TEST_CASE("deep compression ends with a few shared values", "[run][pruning]") {
  RunSpec run = small_run(
      method("deep_compression", {{"weight_bits", word("3")}, {"fc_bits", word("2")}}));
  const RunRecord record = staged_record(run);
  const auto different = [&](const char* name) {
    const auto& values = record.state.at(name).values;
    return std::set<float>(values.begin(), values.end()).size();
  };
  CHECK(different("conv/weight") <= 8);
  CHECK(different("fc1/weight") <= 4);
  CHECK(model_size(record.sizes).kept_share() < 0.2);
}
