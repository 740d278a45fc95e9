// Packed models against the networks they were made of.
#include "framework/pack/executor.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include <catch2/catch.hpp>

#include "framework/core/parallel.h"
#include "tests/pack/packed_networks.h"

namespace bitsweep {
namespace {

double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    largest = std::max(largest, double(std::fabs(a[i] - b[i])));
  }
  return largest;
}

double spread(const std::vector<float>& values) {
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  return double(*most) - double(*least);
}

// A value next to the border between two codes may fall on either side of it, for sums of
// floats and sums of integers are rounded differently: then a code differs by one. Few
// images may meet one; the others agree to float rounding.
void check_agreement(const std::vector<float>& simulated,
                     const std::vector<float>& executed) {
  const std::size_t images = Quantized::kBatch, classes = simulated.size() / images;
  std::size_t apart = 0;
  const double tolerance = 1e-4 * spread(simulated);  // sums of 200 terms, four layers
  for (std::size_t i = 0; i < images; ++i) {
    bool same = true;
    for (std::size_t c = i * classes; c < (i + 1) * classes; ++c) {
      same &= std::fabs(simulated[c] - executed[c]) <= tolerance;
    }
    apart += !same;
  }
  CHECK(apart <= 1);
}

void check_method(ModelSpec spec, const std::string& method,
                  std::vector<std::pair<const char*, const char*>> pairs,
                  EdgesSpec edges = kAllButBias) {
  CAPTURE(method);
  Quantized net(std::move(spec), method, std::move(pairs), std::move(edges));
  const PackedModel packed = net.pack();
  const auto simulated = net.logits();
  // The float products of looked-up levels are those of the simulation.
  CHECK(largest_difference(simulated, net.executed(packed, {.integer = false})) <=
        1e-5 * spread(simulated));
  const auto executed = net.executed(packed, {});
  check_agreement(simulated, executed);
  check_agreement(net.executed(packed, {.engine = EngineKind::kReference}), executed);
}

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
  for (const auto& product : Executor(net.pack(), {.batch = 8}).products()) {
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

// Executed on integers and simulated in float; alone, an image gives what it gives in a
// batch.
TEST_CASE("scales of each image execute on integers", "[pack][executor]") {
  const EdgesSpec all{
      .first = "method", .last = "method", .bias = "float", .image = "method"};
  using Pairs = std::vector<std::pair<const char*, const char*>>;
  for (const Pairs& pairs :
       {Pairs{},
        Pairs{{"activation_codes", "signed"},
              {"order", "tensorflow"},
              {"rounding", "half_away"}},
        Pairs{{"activation_scheme", "symmetric"}, {"activation_codes", "restricted"}},
        Pairs{
            {"activation_bits", "4"}, {"order", "pytorch"}, {"reduce_range", "true"}}}) {
    Pairs dynamic = pairs;
    dynamic.push_back({"activation_scales", "image"});
    check_method(plain_model(), "affine", dynamic, all);
    check_method(residual_model(), "affine", dynamic, all);
  }
  Quantized net(plain_model(), "affine", {{"activation_scales", "image"}}, all);
  const PackedModel packed = parse_model(model_bytes(net.pack()));
  Executor executor(packed, {.batch = 1});
  for (const ProductPlan& plan : executor.products()) {
    CHECK(plan.kernel.starts_with("integer"));
  }
  const auto together = net.executed(packed, {});
  const auto source = net.batch.source();
  for (int i = 0; i < 3; ++i) {
    source.load(i, executor.image(0));
    executor.run(1);
    const auto alone = executor.logits();
    CHECK(std::equal(alone.begin(), alone.end(), together.begin() + i * 5));
  }
}

// With the range of all images that run together: in batches as they were evaluated.
TEST_CASE("scales of a whole batch execute as they evaluate", "[pack][executor]") {
  const EdgesSpec all{
      .first = "method", .last = "method", .bias = "float", .image = "method"};
  const std::vector<std::pair<const char*, const char*>> batch = {
      {"activation_scales", "batch"}};
  check_method(plain_model(), "affine", batch, all);
  check_method(fire_model(), "affine", {batch[0], {"operands", "true"}}, all);
  check_method(residual_model(), "affine",
               {batch[0], {"activation_codes", "signed"}, {"order", "tensorflow"}}, all);
  Quantized net(plain_model(), "affine", batch, all);
  const PackedModel packed = parse_model(model_bytes(net.pack()));
  const auto together = net.executed(packed, {});
  const int before = threads();
  set_threads(1);
  CHECK(net.executed(packed, {}) == together);
  set_threads(before);

  // Some of a larger batch are what they are in one of their number, whatever lies behind
  // them; alone, they are another thing.
  const auto source = net.batch.source();
  const auto run = [&](int batch_size, int count) {
    Executor executor(packed, {.batch = batch_size});
    for (int i = 0; i < batch_size; ++i) {
      source.load(i % count, executor.image(i));
      if (i >= count) {
        for (float& x : executor.image(i)) x *= 100;
      }
    }
    executor.run(count);
    const auto logits = executor.logits().first(std::size_t(count) * 5);
    return std::vector<float>(logits.begin(), logits.end());
  };
  CHECK(run(20, 7) == run(7, 7));
  const auto alone = run(1, 1);
  CHECK_FALSE(std::equal(alone.begin(), alone.end(), together.begin()));
}

// Codes around 0, as 8-bit integers with signs: other kernels than those of bytes.
TEST_CASE("signed codes with scales of each image are exact", "[pack][executor]") {
  const EdgesSpec all{
      .first = "method", .last = "method", .bias = "float", .image = "method"};
  for (const char* scheme : {"affine", "symmetric"}) {
    Quantized net(plain_model(), "affine",
                  {{"activation_scales", "image"},
                   {"activation_codes", "signed"},
                   {"activation_scheme", scheme}},
                  all);
    const PackedModel packed = parse_model(model_bytes(net.pack()));
    const auto fast = net.executed(packed, {});
    CHECK(fast == net.executed(packed, {.engine = EngineKind::kReference}));
    check_agreement(net.logits(), fast);
    for (const PackedQuantizer& quantizer : packed.quantizers) {
      CHECK(quantizer.grid.low_code() == -128);
      CHECK(CodeForm(quantizer).input().is_signed);
    }
  }
}

TEST_CASE("biases of whole steps begin the sums", "[pack][executor]") {
  const EdgesSpec all{
      .first = "method", .last = "method", .bias = "method", .image = "method"};
  for (const char* bits : {"8", "16"}) {
    Quantized net(plain_model(), "affine", {{"activation_bits", bits}}, all);
    const PackedModel packed = net.pack();
    ModelBits told;
    const auto bytes = model_bytes(packed, &told);
    CHECK(bytes[4] == 2);
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
    if (width == 32) {  // the others are products of floats
      CHECK(executed == net.executed(read, {.engine = EngineKind::kReference}));
    }
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
  for (const auto& product : Executor(packed, {.batch = 8}).products()) {
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

TEST_CASE("scales of blocks execute on integers", "[pack][executor]") {
  const auto blocks = [](const char* size) {
    return std::vector<std::pair<const char*, const char*>>{{"group", "block"},
                                                            {"group_size", size}};
  };
  const EdgesSpec inner{.first = "float", .last = "method", .bias = "float"};
  check_method(plain_model(), "affine", blocks("2"), inner);
  check_method(residual_model(), "affine", blocks("4"), inner);
  Quantized net(plain_model(), "affine", blocks("4"), inner);
  const PackedModel packed = parse_model(model_bytes(net.pack()));
  const auto plans = Executor(packed, {.batch = 8}).products();
  CHECK(plans[1].kernel == "integer: blocks of 4, 16-bit products");
  CHECK(plans[1].reason == "");
  CHECK(plans[1].largest_sum <= 4 * 127 * 255);
  CHECK(net.executed(packed, {}) ==
        net.executed(packed, {.engine = EngineKind::kReference}));
  auto dynamic = blocks("4");
  dynamic.emplace_back("activation_scales", "image");
  Quantized images(plain_model(), "affine", dynamic, inner);
  const auto floats = Executor(images.pack(), {.batch = 8}).products();
  CHECK(floats[1].kernel == "float");
  CHECK(
      floats[1].reason ==
      "the weights' scales change within a filter, and the range of its inputs is found "
      "at run time");
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

TEST_CASE("rules of dynamic scales come back from their bytes", "[pack]") {
  const auto* scales = GENERATE("image", "batch");
  Quantized net(plain_model(), "affine",
                {{"activation_scales", scales},
                 {"activation_scheme", "symmetric"},
                 {"scale", "half_range"},
                 {"least_scale", "0.001"},
                 {"rounding", "half_up"},
                 {"order", "pytorch"}},
                kAllButBias);
  const PackedModel packed = net.pack();
  CHECK(model_bytes(packed)[4] == (scales == std::string("batch") ? 2 : 1));
  const PackedModel read = parse_model(model_bytes(packed));
  REQUIRE(read.quantizers.size() == packed.quantizers.size());
  REQUIRE(!read.quantizers.empty());
  for (std::size_t i = 0; i < read.quantizers.size(); ++i) {
    CHECK(read.quantizers[i].rule.kind == packed.quantizers[i].rule.kind);
    CHECK(read.quantizers[i].rule.is_dynamic());
    CHECK(read.quantizers[i].rule.affine == packed.quantizers[i].rule.affine);
  }
}

// Rules that round in another order, or ties elsewhere, against the rule itself.
TEST_CASE("codes in bytes are the rule's, at every border", "[pack]") {
  const RandomStream random(4, "borders");
  for (const float zero : {0.0f, 3.0f, 117.0f}) {
    for (const bool of_magnitude : {false, true}) {
      const Grid grid(
          UniformGrid{.low = 0, .high = 255, .scale = {0.0173f}, .zero_point = {zero}});
      CodeRule rule{.kind = CodeRule::Kind::kUniform,
                    .rounding = Rounding::kHalfAway,
                    .of_magnitude = of_magnitude};
      auto table = thresholds_of(rule, grid);
      std::vector<PackedQuantizer> quantizers = {{grid, rule}};
      for (std::size_t i = 0; i < table.size(); ++i) {  // some far from where they were
        table[i] += 0.0173f * 3 * float(random.uniform_at(std::uint32_t(i)));
      }
      std::sort(table.begin(), table.end());
      rule.kind = CodeRule::Kind::kThresholds;
      rule.thresholds = table;
      quantizers.push_back({grid, rule});
      for (const PackedQuantizer& quantizer : quantizers) {
        std::vector<float> x = {0, -0.0f, 1e30f, -1e30f, 1e-40f};
        for (const float t : thresholds_of(quantizer.rule, grid)) {
          for (const float v : {t, std::nextafter(t, -1e30f)}) {
            if (std::isfinite(v)) x.insert(x.end(), {v, -v});
          }
        }
        std::vector<std::int32_t> codes(x.size());
        apply_rule(quantizer.rule, grid, x, codes);
        std::vector<std::uint8_t> bytes(x.size());
        const CodeForm form(quantizer);
        form.encode(x, 1, bytes, {}, {});
        for (std::size_t i = 0; i < x.size(); ++i) {
          CAPTURE(x[i], zero, of_magnitude);
          CHECK(int(bytes[i]) - form.input().zero_point == codes[i] - std::int32_t(zero));
        }
      }
    }
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
  for (const auto& product : Executor(packed, {.batch = 8}).products()) {
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
