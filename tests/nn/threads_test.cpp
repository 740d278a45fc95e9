// The number of threads changes no bit, in either engine: slices are one thread's each,
// and sums over them are made in their order.

#include <catch2/catch.hpp>

#include "framework/core/parallel.h"
#include "framework/nn/attachment.h"
#include "framework/quant/registry.h"
#include "framework/train/optimizer.h"
#include "methods/builtin_methods.h"
#include "tests/nn/networks.h"

namespace bitsweep {
namespace {

MethodSpec method_of(const MethodRegistry& registry, const std::string& id,
                     const RawParams& params) {
  std::vector<ParamProblem> problems;
  MethodSpec spec{id, registry.at(id).resolve(params, problems)};
  REQUIRE(problems.empty());
  return spec;
}

// All parameters after three steps.
std::vector<float> trained(int thread_count, EngineKind engine, const std::string& method,
                           const RawParams& params, std::int64_t seed) {
  MethodRegistry registry;
  register_builtin_methods(registry);
  set_threads(thread_count);
  constexpr int kBatch = 20;  // ten slices of two
  Network network(residual_model(), {.image = {8, 8, 3},
                                     .classes = 5,
                                     .batch = kBatch,
                                     .seed = seed,
                                     .engine = engine});
  attach_quantizers(network, method_of(registry, method, params), {}, {}, registry);
  network.build();
  const FixedBatch images(kBatch, {8, 8, 3}, 5);
  const BatchSource source = images.source();
  network.calibrate_weights();
  network.calibrate_activations(source, true);
  network.finish_calibration();
  Optimizer optimizer({.learning_rate = 0.05}, {}, network.parameters());
  for (int step = 0; step < 3; ++step) {
    network.train_step(source, Loss::kCrossEntropy, step);
    optimizer.step(0.05, step);
  }
  set_threads(2);
  std::vector<float> values;
  for (const Parameter* p : network.parameters()) {
    values.insert(values.end(), p->value.span().begin(), p->value.span().end());
  }
  return values;
}

}  // namespace

TEST_CASE("the number of threads changes no bit of training", "[nn][invariance]") {
  const auto engine = GENERATE(EngineKind::kReference, EngineKind::kOneDnn);
  const auto [method, params] = GENERATE(table<std::string, RawParams>(
      {{"float", {}},
       {"dorefa",
        {{"weight_bits", word("4")},
         {"activation_bits", word("4")},
         {"gradient_bits", word("6")}}},
       {"dynamic_fixed_point", {{"weight_bits", word("4")}}}}));
  CAPTURE(int(engine), method);
  const auto one = trained(1, engine, method, params, 1);
  CHECK(trained(2, engine, method, params, 1) == one);
  CHECK(trained(3, engine, method, params, 1) == one);
  CHECK(trained(2, engine, method, params, 2) != one);
}

}  // namespace bitsweep
