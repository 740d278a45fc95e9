#include "framework/quant/registry.h"

#include <catch2/catch.hpp>

#include "framework/core/error.h"
#include "framework/quant/method.h"
#include "methods/builtin_methods.h"

using namespace bitsweep;
using Catch::Matchers::Contains;

TEST_CASE("an unknown method is answered with the nearest and the list", "[registry]") {
  MethodRegistry registry;
  register_builtin_methods(registry);
  CHECK_THROWS_AS(registry.at("dorefe"), ConfigError);
  CHECK_THROWS_WITH(registry.at("dorefe"), Contains("unknown method 'dorefe'") &&
                                               Contains("did you mean 'dorefa'?") &&
                                               Contains("deep_compression, dorefa"));
}

TEST_CASE("a method's canonical parameters are complete", "[registry]") {
  MethodRegistry registry;
  register_builtin_methods(registry);
  for (const auto& id : registry.ids()) {
    CAPTURE(id);
    const auto& entry = registry.at(id);
    std::vector<ParamProblem> problems;
    const auto resolved = entry.resolve({}, problems);
    CHECK(problems.empty());
    CHECK(resolved.size() == entry.fields.size());
    CHECK(entry.resolve(resolved, problems) == resolved);
    CHECK_FALSE(entry.summary.empty());
    CHECK_FALSE(entry.reference.empty());
  }
}

TEST_CASE("bits of a range of one are named alone", "[registry]") {
  CHECK(bits_between(2, 2).text == "2, or 32 for float");
  CHECK(bits_between(1, 16).text == "1 to 16, or 32 for float");
  CHECK(bits_between(1, 16).holds(32));
  CHECK_FALSE(bits_between(1, 16).holds(17));
}

namespace {

struct Changed : Method {
  struct Params {
    static Schema<Params> schema() { return {}; }
  };
  static constexpr auto summary = "Leaves all in float.";
  static constexpr auto reference = "none";
  static constexpr int version = 3;
  explicit Changed(const Params&) {}
  std::unique_ptr<Quantizer> quantizer(const Site&) const override { return nullptr; }
};

}  // namespace

TEST_CASE("a method's version is that of its declaration, else 1", "[registry]") {
  CHECK(make_method_entry<Changed>("changed").version == 3);
  MethodRegistry registry;
  register_builtin_methods(registry);
  CHECK(registry.at("float").version == 1);
}

TEST_CASE("stages are by default calibration, then training", "[registry]") {
  MethodRegistry registry;
  register_builtin_methods(registry);
  const auto stages = registry.at("twn").make({})->stages();
  REQUIRE(stages.size() == 2);
  CHECK(stages[0].kind == Stage::Kind::kCalibrate);
  CHECK(stages[1].kind == Stage::Kind::kTrain);
}
