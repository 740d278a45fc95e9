// Who quantizes which site: edges, and rules.
#include <catch2/catch.hpp>

#include "framework/nn/attachment.h"
#include "framework/nn/network.h"
#include "framework/quant/registry.h"
#include "methods/builtin_methods.h"
#include "tests/nn/networks.h"

namespace bitsweep {
namespace {

using Catch::Matchers::Contains;

MethodRegistry builtin_registry() {
  MethodRegistry registry;
  register_builtin_methods(registry);
  return registry;
}

std::vector<std::string> quantized_sites(const EdgesSpec& edges,
                                         const std::vector<SiteRule>& rules = {}) {
  const auto registry = builtin_registry();
  Network network(model({linear("a", "4"), linear("b", "4"), linear("c", "classes")}),
                  {.image = {1, 1, 6}, .classes = 3, .batch = 2});
  std::vector<ParamProblem> problems;
  const MethodSpec method{"dynamic_fixed_point",
                          registry.at("dynamic_fixed_point").resolve({}, problems)};
  attach_quantizers(network, method, edges, rules, registry);
  std::vector<std::string> names;
  for (const BoundSite* bound : network.sites()) {
    if (bound->is_quantized()) names.push_back(bound->site.name);
  }
  return names;
}

}  // namespace

TEST_CASE("edges decide who quantizes the ends", "[nn]") {
  const std::vector<std::string> inner{"b/weight", "b/input", "b/output"};
  CHECK(quantized_sites({}) == inner);
  CHECK(quantized_sites({.first = "method"}) ==
        std::vector<std::string>{"a/weight", "a/output", "b/weight", "b/input",
                                 "b/output"});
  CHECK(quantized_sites({.last = "8"}) == std::vector<std::string>{"b/weight", "b/input",
                                                                   "b/output", "c/weight",
                                                                   "c/input"});
  CHECK(
      quantized_sites({.first = "8", .image = "8"}) ==
      std::vector<std::string>{"a/weight", "a/input", "b/weight", "b/input", "b/output"});
}

TEST_CASE("a bias has a key of its own", "[nn]") {
  const auto sites = quantized_sites({.bias = "8"});
  CHECK(std::count(sites.begin(), sites.end(), "a/bias") == 1);
  CHECK(std::count(sites.begin(), sites.end(), "c/bias") == 1);
}

TEST_CASE("the first rule that matches a site wins, before edges", "[nn]") {
  const auto registry = builtin_registry();
  std::vector<ParamProblem> problems;
  const MethodSpec off{"float", {}};
  const MethodSpec twn{"twn", registry.at("twn").resolve({}, problems)};
  CHECK(quantized_sites({}, {{"b/*", off}, {"*/weight", twn}}) ==
        std::vector<std::string>{"a/weight", "c/weight"});
}

TEST_CASE("a rule that matches no site is refused with the sites there are", "[nn]") {
  CHECK_THROWS_WITH(quantized_sites({}, {{"conv9/*", {"float", {}}}}),
                    Contains("'conv9/*' matches no site") && Contains("a/weight"));
}

}  // namespace bitsweep
