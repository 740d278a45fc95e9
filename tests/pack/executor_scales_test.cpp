// Execution with scales found at run time, and with scales of blocks.
#include <algorithm>
#include <cmath>

#include <catch2/catch.hpp>

#include "framework/core/parallel.h"
#include "tests/pack/executed_networks.h"

namespace bitsweep {
namespace {

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
      for (const CodeOrder order :
           {CodeOrder::kOnnx, CodeOrder::kTensorflow, CodeOrder::kPytorch}) {
        quantizers.push_back({grid, {.order = order, .of_magnitude = of_magnitude}});
      }
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
        std::vector<std::uint8_t> with_values(x.size());
        std::vector<float> values(x.size()), in_place = x;
        form.encode(x, 1, with_values, values, {});
        form.encode(in_place, 1, {}, in_place, {});
        for (std::size_t i = 0; i < x.size(); ++i) {
          CAPTURE(x[i], zero, of_magnitude);
          CHECK(int(bytes[i]) - form.input().zero_point == codes[i] - std::int32_t(zero));
          CHECK(with_values[i] == bytes[i]);
          CHECK(values[i] == grid.value(codes[i], 0));
          CHECK(in_place[i] == values[i]);
        }
      }
    }
  }
}

TEST_CASE("values that are no numbers are refused wherever codes go", "[pack]") {
  const CodeForm form(
      {.grid = UniformGrid{.low = -8, .high = 7, .scale = {0.25f}, .zero_point = {0}},
       .rule = {}},
      "conv1/input");
  for (const char* lost : {"inf", "-inf", "nan"}) {
    CAPTURE(lost);
    std::vector<float> x(100, 1.0f);
    x[70] = std::strtof(lost, nullptr);
    std::vector<std::uint8_t> bytes(x.size());
    std::vector<float> values(x.size());
    const std::string told =
        std::string("conv1/input: a value to be quantized is ") + lost;
    CHECK_THROWS_WITH(form.encode(x, 1, bytes, {}, {}), Catch::StartsWith(told));
    CHECK_THROWS_WITH(form.encode(x, 1, {}, values, {}), Catch::StartsWith(told));
    CHECK_THROWS_AS(form.encode(x, 1, bytes, x, {}), RunError);
  }
}

}  // namespace
}  // namespace bitsweep
