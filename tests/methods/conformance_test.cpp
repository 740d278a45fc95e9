// Every registered method keeps what quantizers promise, at each of its bit-widths. A new
// method is tested here the day its folder is there.
#include "framework/quant/conformance.h"

#include <map>

#include <catch2/catch.hpp>

#include "tests/methods/quantizers.h"

using namespace bitsweep;
using namespace bitsweep::testing;

TEST_CASE("every method keeps what quantizers promise", "[conformance]") {
  for (const auto& id : builtin_methods().ids()) {
    const auto& entry = builtin_methods().at(id);
    if (entry.fields.empty()) continue;  // float
    for (const auto& check : check_conformance(entry).checks) {
      INFO(id << ": " << check.promise << "\n" << check.example);
      CHECK(check.holds());
    }
  }
}

// A new method is compared until its entry says that it cannot be.
TEST_CASE("gradients are compared with differences but where the rule is another",
          "[conformance]") {
  const std::map<std::string, std::string> others = {
      {"bwn", "the slope of the scale, which follows the weights, is counted"},
      {"xnor", "as bwn"},
      {"kmeans", "a centroid's gradient is the mean over its weights, not the sum"},
      {"deep_compression", "as kmeans"},
      {"product_quantization", "as kmeans"},
      {"ttq", "the gradient of a weight is multiplied by its level's size"}};
  for (const auto& id : builtin_methods().ids()) {
    const auto& entry = builtin_methods().at(id);
    std::vector<ParamProblem> problems;
    const RawParams defaults = entry.resolve({}, problems);
    INFO(id);
    CHECK(entry.claims(defaults, /*of_weights=*/true).straight_through !=
          others.contains(id));
    CHECK((entry.claims(defaults, false).straight_through || others.contains(id)));
  }
}

// Choices that meet: single ones are varied by the checks.
TEST_CASE("variants of methods keep what quantizers promise", "[conformance]") {
  const std::vector<std::pair<const char*, RawParams>> variants = {
      {"bwn", params({{"center", "false"}, {"group", "layer"}})},
      {"binaryconnect", params({{"stochastic", "true"}, {"test_weights", "binary"}})},
      {"ttq", params({{"threshold", "sparsity"}, {"init", "mean"}})},
      {"minifloat", params({{"exponent_bits", "5"}, {"rounding", "half_even"}})},
      {"lsq", params({{"weight_bits", "3"}, {"group", "filter"}, {"init", "mse"}})},
      {"lsq",
       params({{"activation_bits", "3"}, {"offset", "true"}, {"init", "lsqplus"}})}};
  for (const auto& [id, raw] : variants) {
    for (const auto& check : check_conformance(builtin_methods().at(id), raw).checks) {
      INFO(id << ": " << check.promise << "\n" << check.example);
      CHECK(check.holds());
    }
  }
}
