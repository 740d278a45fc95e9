// Networks whose sums become codes on integers alone.
#include "framework/pack/requantization.h"

#include <cmath>

#include <catch2/catch.hpp>

#include "tests/pack/packed_networks.h"

namespace bitsweep {
namespace {

Grid int8_grid(float scale, float zero_point) {
  return Grid(UniformGrid{
      .low = -128, .high = 127, .scale = {scale}, .zero_point = {zero_point}});
}

// One neuron of 4 int8 inputs and what follows it: its code's value is the logit.
PackedModel one_neuron(bool rectified) {
  PackedModel model{.title = "a neuron", .dataset = "none"};
  const auto add = [&](Operation operation, const char* name, int channels) {
    model.graph.nodes.push_back({.operation = operation,
                                 .name = name,
                                 .inputs = {int(model.graph.nodes.size())},
                                 .output = {1, 1, channels}});
  };
  model.graph.image = {1, 1, 4};
  model.graph.classes = 1;
  add(Operation::kQuantize, "fc1/input", 4);
  add(Operation::kLinear, "fc1", 1);
  if (rectified) add(Operation::kRelu, "relu1", 1);
  add(Operation::kQuantize, "fc2/input", 1);
  add(Operation::kLinear, "fc2", 1);
  const CodeRule away{.rounding = Rounding::kHalfAway};
  model.quantizers = {{int8_grid(float(3.0 / 255), -43), away},
                      {int8_grid(float(1.5 / 255), -43), away}};
  model.tensors = {{.name = "fc1/weight",
                    .shape = {1, 4},
                    .encoded = Encoded{.codes = {89, -14, 36, -127},
                                       .grid = int8_grid(float(0.443 / 127), 0)}},
                   {.name = "fc1/bias", .shape = {1}, .values = {0.25f}},
                   {.name = "fc2/weight", .shape = {1, 1}, .values = {1}}};
  return model;
}

float logit(const PackedModel& model, Requantize how, std::array<float, 4> x) {
  Executor executor(model, {.batch = 1, .requantize = how});
  CHECK(executor.products()[0].is_requantized == (how != Requantize::kAsTrained));
  std::copy(x.begin(), x.end(), executor.image(0).begin());
  executor.run(1);
  return executor.logits()[0];
}

}  // namespace

// Jacob et al. 2018: codes [-128, -9, 127, -42], a bias of 6092 steps, a sum of 4044, the
// multiplier 1917652170 * 2^-31 * 2^-7, and so the code -15.
TEST_CASE("one neuron is requantized as in its worked example", "[pack][requantize]") {
  const std::array<float, 4> x = {-1, 0.4f, 2, 0.013f};
  const PackedModel model = one_neuron(false);
  CHECK(logit(model, Requantize::kFixedPoint, x) ==
        Approx((-15 + 43) * 1.5 / 255));  // 0.16470588
  CHECK(logit(model, Requantize::kFixedPoint, x) ==
        logit(model, Requantize::kAsTrained, x));

  std::string reason;
  const ExecutionGraph all = execution_graph(model);
  const CodeForm input(model.quantizers[0]);
  const auto product = integer_product(model.tensors[0], &input, reason);
  REQUIRE(product);
  const auto found = find_requantization(Requantize::kFixedPoint, model, all, 1, *product,
                                         input, reason);
  REQUIRE(found);
  CHECK(found->bias == std::vector<std::int32_t>{6092});
  CHECK(found->zero_point == -43);
  CHECK(found->low == -128);
  CHECK(found->multiplier[0].shift == 7);
  // Scales are floats here, which moves the mantissa's last bits.
  CHECK(std::abs(double(found->multiplier[0].mantissa) - 1917652170) < 1000);
  CHECK_FALSE(
      find_requantization(Requantize::kFloat, model, all, 1, *product, input, reason));
  CHECK(reason == "its quantizer has another grid or rounding");

  // A zero point goes with one float factor where it is added behind the rounding.
  PackedModel ordered = model;
  const auto takes = [&](CodeOrder order) {
    ordered.quantizers.back().rule = {.rounding = Rounding::kHalfEven, .order = order};
    return find_requantization(Requantize::kFloat, ordered, execution_graph(ordered), 1,
                               *product, input, reason)
        .has_value();
  };
  CHECK_FALSE(takes(CodeOrder::kPytorch));
  CHECK(takes(CodeOrder::kOnnx));
  CHECK(logit(ordered, Requantize::kFloat, x) == Approx((-15 + 43) * 1.5 / 255));
}

TEST_CASE("a rectifier is the lowest code", "[pack][requantize]") {
  const std::array<float, 4> negative = {-1, 2, -1, 2};
  CHECK(logit(one_neuron(true), Requantize::kFixedPoint, negative) == 0);
  CHECK(logit(one_neuron(false), Requantize::kFixedPoint, negative) < 0);
}

// Both roundings of gemmlowp and that of the bias move a code by one at most; few do.
TEST_CASE("networks run on integers alone", "[pack][requantize]") {
  const auto method = GENERATE("lsq", "dynamic_fixed_point");
  CAPTURE(method);
  Quantized net(plain_model(), method, {{"weight_bits", "8"}, {"activation_bits", "8"}},
                {.first = "8", .last = "8", .bias = "float", .image = "8"});
  const PackedModel packed = net.pack();
  const auto usual = net.executed(packed, {});
  const auto alone = net.executed(packed, {.requantize = Requantize::kFixedPoint});
  const auto [least, most] = std::minmax_element(usual.begin(), usual.end());
  double sum = 0;
  for (std::size_t i = 0; i < usual.size(); ++i) sum += std::fabs(usual[i] - alone[i]);
  CHECK(sum / double(usual.size()) <= 0.02 * (*most - *least));
  CHECK(net.executed(packed, {.engine = EngineKind::kReference,
                              .requantize = Requantize::kFixedPoint}) == alone);
  const Executor executor(packed, {.batch = 8, .requantize = Requantize::kFixedPoint});
  CHECK(executor.products().back().why_not == "its values are the logits");
}

TEST_CASE("ways of requantization have names", "[pack][requantize]") {
  CHECK(requantize_named("float") == Requantize::kFloat);
  CHECK(requantize_named("gemmlowp") == Requantize::kFixedPoint);
  CHECK_THROWS_WITH(requantize_named("int"), "'int' is not allowed (float, gemmlowp)");
}

}  // namespace bitsweep
