// The rule that a packed model keeps of a quantizer gives the quantizer's own codes.
#include "framework/quant/code_rule.h"

#include <cmath>

#include <catch2/catch.hpp>

#include "framework/core/error.h"
#include "tests/methods/quantizers.h"

namespace bitsweep::testing {
namespace {

std::unique_ptr<Quantizer> input_quantizer(const std::string& id, const RawParams& raw,
                                           bool is_signed = false) {
  Values x = normal_values(257, 5);
  if (!is_signed) {
    for (float& v : x) v = std::fabs(v);
  }
  return calibrated(id, raw, value_site(Role::kInput, x.size(), is_signed), x);
}

Codes codes_by_rule(const Quantizer& quantizer, const Values& x) {
  Codes codes(x.size());
  apply_rule(find_code_rule(quantizer), quantizer.grid(), x, codes);
  return codes;
}

using Kind = CodeRule::Kind;

TEST_CASE("a rule chooses the codes of every method's inputs", "[method][code_rule]") {
  Values x = normal_values(20001, 11, 2);
  for (std::size_t i = 0; i < 4000; ++i) x[i] *= 1e-3f;
  for (const std::string& id : builtin_methods().ids()) {
    for (const char* bits : {"1", "2", "4", "8"}) {
      for (const bool is_signed : {false, true}) {
        CAPTURE(id, bits, is_signed);
        std::unique_ptr<Quantizer> quantizer;
        std::vector<ParamProblem> problems;
        const auto raw = builtin_methods().at(id).resolve(
            params({{"activation_bits", bits}}), problems);
        if (!problems.empty()) continue;
        try {
          quantizer = input_quantizer(id, raw, is_signed);
        } catch (const Error&) {
          continue;  // no such site
        }
        if (!quantizer) continue;
        CHECK(codes_by_rule(*quantizer, x) == encoded(*quantizer, x));
      }
    }
  }
}

TEST_CASE("rules are found without a table where there is one", "[method][code_rule]") {
  const auto rule_of = [](const char* id, const RawParams& raw, bool is_signed = false) {
    return find_code_rule(*input_quantizer(id, raw, is_signed));
  };
  const CodeRule dorefa = rule_of("dorefa", params({{"activation_bits", "4"}}));
  CHECK(dorefa.kind != Kind::kNearest);
  const CodeRule fixed =
      rule_of("dynamic_fixed_point",
              params({{"activation_bits", "8"}, {"rounding", "half_away"}}), true);
  CHECK(fixed.kind == Kind::kUniform);
  CHECK(fixed.rounding == Rounding::kHalfAway);
  CHECK(rule_of("bnn", {}, true).kind == Kind::kThresholds);
  CHECK(rule_of("bnn", {}, true).thresholds == Values{-0.0f});
  CHECK(rule_of("dorefa", params({{"activation_bits", "2"}, {"bound", "abs"}}), true)
            .of_magnitude);
}

TEST_CASE("the order of a zero point is told without a table", "[method][code_rule]") {
  const auto rule_of = [](const char* order, const char* rounding) {
    const RawParams raw = params({{"activation_scheme", "affine"},
                                  {"activation_range", "min_max"},
                                  {"order", order},
                                  {"rounding", rounding}});
    const auto quantizer = input_quantizer("affine", raw, true);
    REQUIRE(quantizer->grid().uniform()->zero_point.front() != 0);
    const Values x = normal_values(20001, 12, 2);
    CHECK(codes_by_rule(*quantizer, x) == encoded(*quantizer, x));
    return find_code_rule(*quantizer);
  };
  for (const char* rounding : {"half_even", "half_away"}) {
    const CodeRule onnx = rule_of("onnx", rounding),
                   pytorch = rule_of("pytorch", rounding);
    CHECK(onnx.kind == Kind::kUniform);
    CHECK(onnx.order == CodeOrder::kOnnx);
    CHECK(pytorch.kind == Kind::kUniform);
    CHECK(pytorch.order == CodeOrder::kPytorch);
    CHECK(rule_of("tensorflow", rounding).order == CodeOrder::kTensorflow);
  }
}

// Codes that fall again.
class Wave final : public Quantizer {
 public:
  void forward(std::span<const float>, std::span<float>, const Pass&) const override {}
  void encode(std::span<const float> x, std::span<std::int32_t> codes) const override {
    for (std::size_t i = 0; i < x.size(); ++i) codes[i] = std::sin(x[i]) > 0;
  }
  Grid grid() const override { return {UniformGrid{.low = 0, .high = 1}}; }
};

TEST_CASE("codes that rise and fall have no rule", "[code_rule]") {
  CHECK_THROWS_AS(find_code_rule(Wave()), MethodError);
}

}  // namespace
}  // namespace bitsweep::testing
