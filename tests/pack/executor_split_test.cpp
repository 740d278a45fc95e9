// Execution with inputs of more than 8 bits, whose codes lie in two bytes.
#include <catch2/catch.hpp>

#include "tests/pack/executed_networks.h"

namespace bitsweep {
namespace {

using WidePairs = std::vector<std::pair<const char*, const char*>>;

const EdgesSpec kAllOnIntegers{
    .first = "method", .last = "method", .bias = "method", .image = "method"};

// As the scheme tflite-16x8 has it.
WidePairs sixteen_by_eight() {
  return {{"activation_bits", "16"},
          {"weight_codes", "restricted"},
          {"activation_scheme", "symmetric"},
          {"activation_codes", "restricted"},
          {"activation_range", "max_abs"},
          {"rounding", "half_away"},
          {"order", "tensorflow"}};
}

void check_integers(const PackedModel& packed) {
  const Executor executor(packed, {.batch = 8});
  for (const ProductPlan& plan : executor.products()) {
    CAPTURE(plan.layer, plan.reason);
    CHECK(plan.kernel.starts_with("integer: inputs in two bytes, "));
    CHECK(plan.reason == "");
    CHECK(plan.largest_sum > 0);
  }
}

TEST_CASE("16-bit inputs and 8-bit weights execute on integers", "[pack][executor]") {
  for (const auto& spec : {plain_model(), side_model(), residual_model()}) {
    check_method(spec, "affine", sixteen_by_eight(), kAllOnIntegers);
    Quantized net(spec, "affine", sixteen_by_eight(), kAllOnIntegers);
    const PackedModel packed = parse_model(model_bytes(net.pack()));
    check_integers(packed);
    CHECK(net.executed(packed, {}) ==
          net.executed(packed, {.engine = EngineKind::kReference}));
  }
}

// From the codes of inputs and weights alone: no float before the last step.
TEST_CASE("a logit of 16-bit inputs is its sum in 64 bits, times one factor",
          "[pack][executor]") {
  Quantized net(model({linear("fc", "classes")}), "affine", sixteen_by_eight(),
                kAllOnIntegers, {1, 1, 600});
  const PackedModel packed = net.pack();
  const auto executed = net.executed(packed, {});
  const Encoded &weight = *packed.tensors[0].encoded, &bias = *packed.tensors[1].encoded;
  const PackedQuantizer& quantizer = packed.quantizers.front();
  std::int64_t largest = 0;
  for (int image = 0; image < Quantized::kBatch; ++image) {
    std::vector<float> x(600);
    net.batch.source().load(image, x);
    std::vector<std::int32_t> codes(600);
    apply_rule(quantizer.rule, quantizer.grid, x, codes);
    for (std::size_t o = 0; o < 5; ++o) {
      std::int64_t sum = bias.codes[o];
      for (std::size_t i = 0; i < 600; ++i) {
        sum += std::int64_t(weight.codes[o * 600 + i]) * codes[i];
      }
      largest = std::max(largest, std::abs(sum));
      CHECK(executed[std::size_t(image) * 5 + o] == float(sum) * bias.grid.scales()[o]);
    }
  }
  CHECK(largest > 1 << 24);  // more digits than a float has
  CHECK(bias.grid.bits() == 64);
  CHECK(bias.nominal_bits().total() == 5 * 64);
}

TEST_CASE("inputs of 9 to 16 bits execute on integers wherever zero is",
          "[pack][executor]") {
  for (const char* bits : {"9", "12", "16"}) {
    for (const char* codes : {"signed", "unsigned"}) {
      CAPTURE(bits, codes);
      const WidePairs pairs = {{"activation_bits", bits},
                               {"activation_scheme", "affine"},
                               {"activation_codes", codes},
                               {"activation_range", "min_max"}};
      Quantized net(plain_model(), "affine", pairs, kAllOnIntegers);
      const PackedModel packed = net.pack();
      check_integers(packed);
      const auto executed = net.executed(packed, {});
      check_agreement(net.logits(), executed);
      CHECK(executed == net.executed(packed, {.engine = EngineKind::kReference}));
    }
  }
}

TEST_CASE("two bytes of an input are its code", "[pack]") {
  const auto form_of = [](std::int32_t low, std::int32_t high, float zero_point) {
    return CodeForm(
        {.grid =
             UniformGrid{
                 .low = low, .high = high, .scale = {0.25f}, .zero_point = {zero_point}},
         .rule = {}});
  };
  const auto check = [](const CodeForm& form, const std::vector<float>& x) {
    REQUIRE(form.split());
    const InputCodes high = form.split()->high, low = form.split()->low;
    std::vector<std::uint8_t> bytes(x.size()), high_bytes(x.size());
    const auto read = [&](std::size_t i) {
      const int upper = high.is_signed ? std::int8_t(high_bytes[i]) : int(high_bytes[i]);
      return 0.25f * float(256 * (upper - high.zero_point) + bytes[i] - low.zero_point);
    };
    std::vector<float> values(x.size());
    form.encode(x, 1, bytes, values, {}, high_bytes);
    for (std::size_t i = 0; i < x.size(); ++i) CHECK(read(i) == values[i]);
    form.split_values(values, bytes, high_bytes);
    for (std::size_t i = 0; i < x.size(); ++i) CHECK(read(i) == values[i]);
  };
  const std::vector<float> x = {-20000, -8192, -8191.75, -64.1f, -64,     -0.25, 0,
                                0.25,   63.9f, 64,       100,    8191.75, 20000};
  const CodeForm int16 = form_of(-32768, 32767, 0);
  check(int16, x);
  CHECK(int16.largest_split() == 32768);
  CHECK(int16.largest_byte() == 255);
  CHECK(int16.split()->high.is_signed);
  check(form_of(-32767, 32767, 0), x);
  check(form_of(0, 65535, 40000), x);
  check(form_of(0, 65535, 0), x);
  check(form_of(-32768, 32767, -30000), x);
  check(form_of(0, 511, 256), x);
  CHECK_FALSE(form_of(0, 65535, 0.5f).split());
  CHECK_FALSE(form_of(-127, 127, 0).split());
}

TEST_CASE("16-bit inputs of ranges found at run time are float", "[pack]") {
  auto pairs = sixteen_by_eight();
  pairs.emplace_back("activation_scales", "image");
  Quantized net(plain_model(), "affine", pairs, kAllOnIntegers);
  const Executor executor(net.pack(), {.batch = 8});
  for (const ProductPlan& plan : executor.products()) {
    CHECK(plan.kernel == "float");
    CHECK(plan.reason == "the inputs take more than 8 bits, of ranges found at run time");
  }
}

TEST_CASE("why products of 16-bit inputs are not in one step is told", "[pack]") {
  Quantized net(plain_model(), "affine", sixteen_by_eight(), kAllOnIntegers);
  const Executor executor(net.pack(), {.requantize = Requantize::kFixedPoint});
  for (const ProductPlan& plan : executor.products()) {
    CHECK_FALSE(plan.is_requantized);
    CHECK(plan.why_not == "its inputs take more than 8 bits");
  }
}

}  // namespace
}  // namespace bitsweep
