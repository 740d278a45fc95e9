// Execution with biases that are whole steps of the sums.
#include <algorithm>
#include <cmath>

#include <catch2/catch.hpp>

#include "tests/pack/executed_networks.h"

namespace bitsweep {
namespace {

TEST_CASE("biases of whole steps begin the sums", "[pack][executor]") {
  const EdgesSpec all{
      .first = "method", .last = "method", .bias = "method", .image = "method"};
  for (const char* bits : {"8", "16"}) {
    Quantized net(plain_model(), "affine", {{"activation_bits", bits}}, all);
    const PackedModel packed = net.pack();
    ModelBits told;
    const auto bytes = model_bytes(packed, &told);
    CHECK(bytes[4] >= 2);
    const PackedModel read = parse_model(bytes);
    const int width = bits == std::string("8") ? 32 : 64;
    for (std::size_t i = 0; i < packed.tensors.size(); ++i) {
      const NetworkTensor& tensor = packed.tensors[i];
      if (!tensor.name.ends_with("/bias")) continue;
      REQUIRE(tensor.encoded);
      REQUIRE(read.tensors[i].encoded);
      CHECK(read.tensors[i].encoded->codes == tensor.encoded->codes);
      CHECK(read.tensors[i].encoded->grid.scales() == tensor.encoded->grid.scales());
      CHECK(told.tensors[i].width == width);
      CHECK(told.tensors[i].bits.codes == std::uint64_t(width) * tensor.elements());
      CHECK(told.tensors[i].bits.scales == 0);
    }
    const auto executed = net.executed(read, {});
    check_agreement(net.logits(), executed);
    CHECK(executed == net.executed(read, {.engine = EngineKind::kReference}));
  }
  check_method(fire_model(), "affine", {}, all);
  check_method(side_model(), "affine", {{"activation_codes", "signed"}}, all);
  check_method(mobile_model(), "affine", {{"weight_scheme", "affine"}}, all);
}

// From the codes of inputs and weights alone: no float before the last step.
TEST_CASE("a logit is its integer sum with the bias, times one factor",
          "[pack][executor]") {
  const EdgesSpec all{
      .first = "method", .last = "method", .bias = "method", .image = "method"};
  const char* const method = GENERATE("affine", "int8_training");
  CAPTURE(method);
  Quantized net(model({linear("fc", "classes")}), method, {}, all, {1, 1, 40});
  const PackedModel packed = net.pack();
  const auto executed = net.executed(packed, {});
  REQUIRE(packed.tensors[1].encoded);
  const Encoded &weight = *packed.tensors[0].encoded, &bias = *packed.tensors[1].encoded;
  const PackedQuantizer& quantizer = packed.quantizers.front();
  const auto zero = std::int32_t(quantizer.grid.uniform()->zero_point.front());
  for (std::size_t o = 0; o < 5; ++o) {
    CHECK(bias.grid.scales()[o] ==
          quantizer.grid.scales().front() * weight.grid.scales()[o]);
  }
  for (int image = 0; image < Quantized::kBatch; ++image) {
    std::vector<float> x(40);
    net.batch.source().load(image, x);
    std::vector<std::int32_t> codes(40);
    apply_rule(quantizer.rule, quantizer.grid, x, codes);
    for (std::size_t o = 0; o < 5; ++o) {
      std::int32_t sum = bias.codes[o];
      for (std::size_t i = 0; i < 40; ++i) {
        sum += weight.codes[o * 40 + i] * (codes[i] - zero);
      }
      CHECK(executed[std::size_t(image) * 5 + o] == float(sum) * bias.grid.scales()[o]);
    }
  }
}

TEST_CASE("where sums have no step, biases stay in float", "[pack][executor]") {
  const auto biases_of = [](std::vector<std::pair<const char*, const char*>> pairs,
                            EdgesSpec edges) {
    std::size_t coded = 0;
    for (const auto& tensor :
         Quantized(plain_model(), "affine", std::move(pairs), std::move(edges))
             .pack()
             .tensors) {
      coded += tensor.name.ends_with("/bias") && tensor.encoded;
    }
    return coded;
  };
  EdgesSpec all{.first = "method", .last = "method", .bias = "method", .image = "method"};
  CHECK(biases_of({}, all) == 4);
  CHECK(biases_of({{"activation_scales", "image"}}, all) == 0);
  CHECK(biases_of({{"activation_scales", "batch"}}, all) == 0);
  CHECK(biases_of({{"activation_bits", "32"}}, all) == 0);
  CHECK(biases_of({{"group", "block"}, {"group_size", "4"}},
                  {.first = "float", .last = "method", .bias = "method"}) == 0);
  CHECK(biases_of({}, {.first = "float", .last = "method", .bias = "method"}) == 3);
  all.image = "float";
  CHECK(biases_of({}, all) == 3);
}

TEST_CASE("folded normalisation leaves biases of whole steps", "[pack][executor]") {
  const EdgesSpec all{
      .first = "method", .last = "method", .bias = "method", .image = "method"};
  Quantized net(residual_model(), "affine", {{"weight_bits", "8"}}, all);
  const auto coded = [&] {
    std::size_t count = 0;
    for (const auto& tensor : net.pack().tensors) {
      count += tensor.name.ends_with("/bias") && tensor.encoded;
    }
    return count;
  };
  const std::size_t before = coded();
  net.network.fold_normalisation();
  net.network.calibrate_activations(net.batch.source(), false);
  net.network.finish_calibration();
  net.network.prepare_evaluation();
  net.network.evaluate(net.batch.source(), Loss::kCrossEntropy, Quantized::kBatch, {});
  check_law(net.network);
  std::size_t products = 0;
  const PackedModel packed = net.pack();
  for (const GraphNode& node : packed.graph.nodes) products += is_product(node);
  CHECK(coded() > before);
  CHECK(coded() == products);
  check_agreement(net.logits(), net.executed(parse_model(model_bytes(packed)), {}));
}

TEST_CASE("a network trained for integers executes with its biases on them",
          "[pack][executor]") {
  const EdgesSpec all{
      .first = "method", .last = "method", .bias = "method", .image = "method"};
  const char* const ranges = GENERATE("moving_average", "learned");
  const bool is_mobile = GENERATE(false, true);
  CAPTURE(ranges, is_mobile);
  Quantized net(is_mobile ? mobile_model() : residual_model(), "int8_training",
                {{"ranges", ranges}}, all);
  net.network.fold_normalisation();
  net.network.prepare_evaluation();
  net.network.evaluate(net.batch.source(), Loss::kCrossEntropy, Quantized::kBatch, {});
  check_law(net.network);
  const PackedModel packed = parse_model(model_bytes(net.pack()));
  std::size_t products = 0, biases = 0;
  for (const GraphNode& node : packed.graph.nodes) products += is_product(node);
  for (const auto& tensor : packed.tensors) {
    biases += tensor.name.ends_with("/bias") && tensor.encoded;
  }
  CHECK(biases == products);
  const Executor executor(packed, {.batch = 8});
  for (const auto& product : executor.products()) {
    CHECK(product.reason == "");
  }
  const auto executed = net.executed(packed, {});
  check_agreement(net.logits(), executed);
  CHECK(executed == net.executed(packed, {.engine = EngineKind::kReference}));
}

TEST_CASE("a bias beyond 32 bits is refused with its site", "[pack][executor]") {
  const EdgesSpec all{
      .first = "method", .last = "method", .bias = "method", .image = "method"};
  Quantized net(plain_model(), "affine", {}, all);
  for (Parameter* p : net.network.parameters()) {
    if (p->name == "fc2/bias") p->value[3] = 1e9f;
  }
  CHECK_THROWS_WITH(net.network.prepare_evaluation(),
                    Catch::StartsWith("fc2/bias: bias 3, 1000000000, is ") &&
                        Catch::Contains("a code has at most 2147483647"));
}

}  // namespace
}  // namespace bitsweep
