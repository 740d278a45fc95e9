// Every registered method keeps what quantizers promise, at each of its bit-widths. A new
// method is tested here the day its folder is there.
#include "framework/quant/conformance.h"

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

TEST_CASE("variants of methods keep what quantizers promise", "[conformance]") {
  const std::vector<std::pair<const char*, RawParams>> variants = {
      {"twn", params({{"group", "filter"}})},
      {"twn", params({{"delta", "exact"}})},
      {"bwn", params({{"center", "false"}, {"alpha", "layer"}})},
      {"binaryconnect", params({{"stochastic", "true"}, {"test_weights", "binary"}})},
      {"bnn", params({{"stochastic", "true"}})},
      {"xnor", params({{"input_scale", "true"}})},
      {"ttq", params({{"threshold", "sparsity"}, {"init", "mean"}})},
      {"dorefa", params({{"max_grad", "through"}, {"bound", "tanh"}})},
      {"qnn", params({{"grid", "log"}})},
      {"hwgq", params({{"levels", "lloyd"}, {"backward", "log"}})},
      {"lognet", params({{"weight_base", "sqrt2"}, {"activation_base", "sqrt2"}})},
      {"inq", params({{"ties", "small"}})},
      {"minifloat", params({{"exponent_bits", "5"},
                            {"rounding", "half_even"},
                            {"quantize_activations_in_training", "true"}})},
      {"dynamic_fixed_point", params({{"quantize_activations_in_training", "true"}})},
      {"lsq", params({{"group", "filter"}, {"init", "mse"}})},
      {"lsq", params({{"offset", "true"}, {"init", "lsqplus"}})},
      {"pact", params({{"init", "max"}})},
      {"wrpn", params({{"pre_scale", "max"}})},
      {"apot", params({{"init", "max"}, {"mask_weight_gradient", "true"}})}};
  for (const auto& [id, raw] : variants) {
    for (const auto& check : check_conformance(builtin_methods().at(id), raw).checks) {
      INFO(id << ": " << check.promise << "\n" << check.example);
      CHECK(check.holds());
    }
  }
}
