#include "framework/train/optimizer.h"

#include <catch2/catch.hpp>

#include "framework/core/error.h"

namespace bitsweep {
namespace {

using Catch::Matchers::Contains;

Parameter one(const std::string& name) {
  Parameter parameter(name, 1);
  parameter.value[0] = 1;
  return parameter;
}

}  // namespace

TEST_CASE("two steps with Caffe's momentum give the worked numbers", "[train]") {
  Parameter w = one("w");
  Optimizer optimizer({.learning_rate = 0.01, .momentum = 0.9, .weight_decay = 5e-4}, {},
                      {&w});
  w.gradient[0] = 0.5f;
  optimizer.step(0.01, 0);
  CHECK(w.value[0] == Approx(0.994995).epsilon(1e-6));
  w.gradient[0] = 0.2f;
  optimizer.step(0.01, 1);
  CHECK(w.value[0] == Approx(0.988485525025).epsilon(1e-6));
}

TEST_CASE("Adam's first step is the learning rate in the gradient's direction",
          "[train]") {
  Parameter w = one("w");
  Optimizer optimizer({.id = "adam"}, {}, {&w});
  w.gradient[0] = 123;
  optimizer.step(0.1, 0);
  CHECK(w.value[0] == Approx(0.9).epsilon(1e-5));
}

TEST_CASE("each optimizer steps downhill, and shows a state of its own", "[train]") {
  for (const OptimizerKind& kind : optimizer_kinds()) {
    CAPTURE(kind.id);
    Parameter w = one("w");
    Optimizer optimizer({.id = kind.id}, {}, {&w});
    w.gradient[0] = 1;
    optimizer.step(0.1, 0);
    CHECK(w.value[0] < 1);
    SavedState state;
    StateReader reader(state);
    optimizer.visit_state(reader);
    CHECK(state.size() == kind.moments.size());
    for (const auto& moment : kind.moments)
      CHECK(state.contains("optimizer/w/" + moment));
  }
}

TEST_CASE("of the rules that match a parameter the first one counts", "[train]") {
  Parameter weight = one("ip1/weight"), bias = one("ip1/bias");
  const std::vector<MultiplierRule> rules{{"*/bias", 2, 0}, {"ip1/*", 3, 250}};
  Optimizer optimizer({.momentum = 0}, rules, {&weight, &bias});
  weight.gradient[0] = bias.gradient[0] = 1;
  optimizer.step(0.1, 0);
  CHECK(weight.value[0] == Approx(0.7));
  CHECK(bias.value[0] == Approx(0.8));
  CHECK(weight.decay_multiplier == 250);
  CHECK(bias.decay_multiplier == 0);
}

TEST_CASE("rules multiply the factors that a method has set", "[train]") {
  Parameter weight = one("conv1/weight"), step = one("conv1/weight.step");
  weight.learning_rate_multiplier = 5;  // BinaryConnect's rate
  step.decay_multiplier = 0;            // LSQ's steps do not decay
  Optimizer optimizer({.momentum = 0, .weight_decay = 0.5}, {{"conv1/*", 2, 3}},
                      {&weight, &step});
  weight.gradient[0] = step.gradient[0] = 0.1f;
  optimizer.step(0.01, 0);
  CHECK(weight.value[0] == Approx(1 - 0.01 * 10 * (0.1 + 0.5 * 3)));
  CHECK(step.value[0] == Approx(1 - 0.01 * 2 * 0.1));
}

TEST_CASE("a rule that matches no parameter is refused with the names", "[train]") {
  Parameter w = one("conv1/weight");
  CHECK_THROWS_WITH(Optimizer({}, {{"ip9/*", 1, 1}}, {&w}),
                    Contains("'ip9/*' matches no parameter") && Contains("conv1/weight"));
}

TEST_CASE("what quantizers learn has a rate and a decay of its own", "[train]") {
  Parameter weight = one("conv1/weight"), step = one("conv1/weight/step");
  step.is_of_quantizer = true;
  Optimizer optimizer({.momentum = 0,
                       .weight_decay = 0.5,
                       .quantizer_learning_rate = 0.1,
                       .quantizer_weight_decay = 0},
                      {}, {&weight, &step});
  weight.gradient[0] = step.gradient[0] = 1;
  optimizer.step(0.1, 0);
  CHECK(weight.value[0] == Approx(1 - 0.1 * 1.5));
  CHECK(step.value[0] == Approx(1 - 0.01));
}

TEST_CASE("a parameter does not fall below its minimum", "[train]") {
  Parameter scale = one("scale");
  scale.minimum = 0.01f;
  Optimizer optimizer({.momentum = 0}, {}, {&scale});
  scale.gradient[0] = 1000;
  optimizer.step(1, 0);
  CHECK(scale.value[0] == 0.01f);
}

}  // namespace bitsweep
