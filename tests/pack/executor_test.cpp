// Packed models against the networks they were made of.
#include "framework/pack/executor.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include <catch2/catch.hpp>

#include "framework/core/parallel.h"
#include "tests/pack/executed_networks.h"

namespace bitsweep {
namespace {

TEST_CASE("float networks execute as they evaluate", "[pack][executor]") {
  for (auto spec : {plain_model(), sign_model(), residual_model(), fire_model(),
                    mobile_model(), side_model()}) {
    Quantized net(spec, "float", {});
    const auto executed = net.executed(net.pack(), {});
    CHECK(largest_difference(net.logits(), executed) <= 1e-5 * spread(net.logits()));
  }
}

TEST_CASE("uniform grids execute on integers", "[pack][executor]") {
  check_method(plain_model(), "lsq", {{"weight_bits", "8"}, {"activation_bits", "8"}});
  check_method(plain_model(), "lsq",
               {{"weight_bits", "4"}, {"activation_bits", "4"}, {"group", "filter"}});
  check_method(plain_model(), "dynamic_fixed_point",
               {{"weight_bits", "8"}, {"activation_bits", "8"}});
  check_method(plain_model(), "dorefa", {{"weight_bits", "4"}, {"activation_bits", "4"}});
  check_method(plain_model(), "pact", {{"weight_bits", "2"}, {"activation_bits", "2"}});
  check_method(residual_model(), "lsq",
               {{"weight_bits", "4"}, {"activation_bits", "8"}, {"offset", "true"}});
  check_method(residual_model(), "wrpn",
               {{"weight_bits", "4"}, {"activation_bits", "4"}});
}

TEST_CASE("windows that are no squares execute as they evaluate", "[pack][executor]") {
  check_method(side_model(), "affine", {});
  check_method(side_model(), "affine", {{"activation_scales", "image"}});
  check_method(side_model(), "lsq", {{"weight_bits", "4"}, {"activation_bits", "4"}});
  check_method(side_model(), "lognet", {});
  check_method(side_model(), "bnn", {}, {.first = "float", .last = "float"});
  check_method(side_model(), "xnor", {{"input_scale", "true"}},
               {.first = "float", .last = "float"});
  const EdgesSpec all{
      .first = "method", .last = "method", .bias = "float", .image = "method"};
  Quantized net(side_model(), "affine", {}, all, {10, 12, 3});
  const Executor executor(net.pack(), {.batch = 8});
  for (const auto& product : executor.products()) {
    CHECK(product.reason == "");
  }
}

TEST_CASE("quantizers that layers share execute once", "[pack][executor]") {
  Quantized net(fire_model(), "affine", {}, kAllButBias);
  const PackedModel packed = net.pack();
  CHECK(packed.quantizers.size() == 3);  // squeeze, both kinds of filters, fc
  check_method(fire_model(), "affine", {});
  check_method(mobile_model(), "affine", {});
  check_method(fire_model(), "lsq", {{"weight_bits", "4"}, {"activation_bits", "4"}});
}

TEST_CASE("quantized operands execute as they evaluate", "[pack][executor]") {
  Quantized net(mobile_model(), "affine", {{"operands", "true"}}, kAllButBias);
  std::vector<std::string> sites;
  for (const GraphNode& node : net.pack().graph.nodes) {
    if (node.operation == Operation::kQuantize) sites.push_back(node.name);
  }
  CHECK(sites == std::vector<std::string>{"depthwise1/input", "pointwise1/input",
                                          "depthwise2/input", "pointwise2/input",
                                          "block/add/body", "fc/input"});
  check_method(fire_model(), "affine", {{"operands", "true"}});
  check_method(mobile_model(), "affine", {{"operands", "true"}});
  check_method(residual_model(), "affine", {{"operands", "true"}});
}

TEST_CASE("folded normalisation is in the packed weights", "[pack][executor]") {
  Quantized net(mobile_model(), "float", {});
  const auto before = net.logits();
  net.network.fold_normalisation();
  net.network.prepare_evaluation();
  net.network.evaluate(net.batch.source(), Loss::kCrossEntropy, Quantized::kBatch, {});
  CHECK(largest_difference(before, net.logits()) <= 1e-5 * spread(before));
  const PackedModel packed = net.pack();
  for (const GraphNode& node : packed.graph.nodes) {
    CHECK(node.operation != Operation::kAffine);
  }
  CHECK(largest_difference(net.logits(), net.executed(packed, {})) <=
        1e-5 * spread(before));
}

TEST_CASE("binary and ternary grids execute on bits", "[pack][executor]") {
  check_method(sign_model(), "bnn", {});
  check_method(sign_model(), "xnor", {}, {.first = "float", .last = "float"});
  check_method(sign_model(), "xnor", {{"input_scale", "true"}});
  check_method(plain_model(), "hwgq", {{"activation_bits", "2"}, {"levels", "uniform"}});
  check_method(plain_model(), "dorefa", {{"weight_bits", "1"}, {"activation_bits", "2"}});
}

TEST_CASE("other grids execute by looking their levels up", "[pack][executor]") {
  check_method(plain_model(), "lognet", {});
  check_method(plain_model(), "apot", {});
  check_method(plain_model(), "hwgq", {{"activation_bits", "2"}, {"levels", "lloyd"}});
  check_method(plain_model(), "ttq", {});
  check_method(plain_model(), "minifloat",
               {{"weight_bits", "8"}, {"activation_bits", "16"}});
}

TEST_CASE("a lost value is refused with its site", "[pack][executor]") {
  Quantized net(plain_model(), "affine", {}, kAllButBias);
  const PackedModel packed = net.pack();
  for (const char* lost : {"inf", "nan"}) {
    Executor executor(packed, {.batch = 4});
    executor.image(2)[5] = std::strtof(lost, nullptr);
    CHECK_THROWS_WITH(executor.run(4),
                      Catch::StartsWith("conv2/input: a value to be quantized is ") &&
                          Catch::Contains(lost) && Catch::Contains("finite"));
  }
}

TEST_CASE("half-precision weights take two bytes each", "[pack]") {
  const EdgesSpec all{.first = "method", .last = "method", .bias = "method"};
  Quantized net(plain_model(), "float16", {}, all);
  const PackedModel packed = net.pack();
  ModelBits bits;
  const auto bytes = model_bytes(packed, &bits);
  std::size_t values = 0;
  for (const auto& tensor : packed.tensors) values += tensor.elements();
  CHECK(bits.total().codes == 16 * values);
  CHECK(bytes.size() < 2 * values + 1000);  // graph, normalisation
  const PackedModel read = parse_model(bytes);
  CHECK(largest_difference(net.executed(packed, {}), net.executed(read, {})) == 0);
  CHECK(model_bytes(read) == bytes);

  // Where most of them are 0, only the others.
  PackedModel sparse = read;
  std::size_t left = 0;
  for (auto& tensor : sparse.tensors) {
    for (std::size_t i = 0; i < tensor.values.size(); ++i) {
      if (i % 20 != 0) tensor.values[i] = 0;
      if (tensor.values.size() > 100) left += tensor.values[i] != 0;
    }
  }
  const auto small = model_bytes(sparse, &bits);
  std::size_t stored = 0;
  for (const auto& tensor : bits.tensors) {
    if (tensor.elements > 100) stored += tensor.bits.codes;
  }
  CHECK(stored == 16 * left);
  CHECK(small.size() < bytes.size() / 4);
  const PackedModel back = parse_model(small);
  for (std::size_t i = 0; i < sparse.tensors.size(); ++i) {
    CHECK(back.tensors[i].values == sparse.tensors[i].values);
  }
}

TEST_CASE("a plan says which kernel runs, and why not on integers", "[pack][executor]") {
  const auto plans = [](const char* method,
                        std::vector<std::pair<const char*, const char*>> pairs) {
    Quantized net(plain_model(), method, std::move(pairs));
    return Executor(net.pack(), {.batch = 8}).products();
  };
  const auto lsq = plans("lsq", {{"weight_bits", "4"}, {"activation_bits", "4"}});
  CHECK(lsq[0].kernel == "float");  // the first layer is an edge
  CHECK(lsq[0].reason == "the weights are float");
  CHECK(lsq[1].kernel.starts_with("integer"));
  CHECK(lsq[1].weight_bits == 4);
  // 72 products of at most 8 * 15 each.
  CHECK(lsq[1].largest_sum <= 72 * 8 * 15);
  CHECK(plans("twn", {})[1].reason == "the inputs are float");
  CHECK(plans("lognet", {})[1].reason ==
        "the inputs' levels are no multiples of one step");
}

TEST_CASE("integer products are the same in every engine", "[pack][executor]") {
  Quantized net(plain_model(), "lsq", {{"weight_bits", "4"}, {"activation_bits", "8"}},
                {.first = "8", .last = "8", .image = "8"});
  const PackedModel packed = net.pack();
  const Executor executor(packed, {.batch = 8});
  for (const auto& product : executor.products()) {
    CHECK(product.reason == "");
  }
  CHECK(net.executed(packed, {.engine = EngineKind::kReference}) ==
        net.executed(packed, {.engine = EngineKind::kOneDnn}));
}

TEST_CASE("threads and partial batches change nothing", "[pack][executor]") {
  Quantized net(plain_model(), "lsq", {{"weight_bits", "4"}, {"activation_bits", "4"}},
                kAllButBias);
  const PackedModel packed = net.pack();
  const auto whole = net.executed(packed, {});
  const int before = threads();
  set_threads(1);
  CHECK(net.executed(packed, {}) == whole);
  set_threads(before);

  Executor executor(packed, {.batch = 10});
  const auto source = net.batch.source();
  for (int begin = 0; begin < Quantized::kBatch; begin += 10) {
    const int count = std::min(10, Quantized::kBatch - begin);
    for (int i = 0; i < count; ++i) source.load(begin + i, executor.image(i));
    executor.run(count);
    const auto logits = executor.logits().first(std::size_t(count) * 5);
    CHECK(std::equal(logits.begin(), logits.end(),
                     whole.begin() + std::ptrdiff_t(begin) * 5));
  }
}

TEST_CASE("sums of integers are watched", "[pack][executor]") {
  Quantized net(plain_model(), "lsq", {{"weight_bits", "4"}, {"activation_bits", "4"}},
                {.first = "8", .last = "8", .image = "8"});
  Executor executor(net.pack(), {.batch = Quantized::kBatch});
  const auto source = net.batch.source();
  for (int i = 0; i < Quantized::kBatch; ++i) source.load(i, executor.image(i));
  executor.watch_sums(true);
  executor.run(Quantized::kBatch);
  const auto ranges = executor.sum_ranges();
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    CHECK(ranges[i].least < 0);
    CHECK(ranges[i].most > 0);
    CHECK(std::max(-double(ranges[i].least), double(ranges[i].most)) <=
          executor.products()[i].largest_sum);
  }
}

}  // namespace
}  // namespace bitsweep
