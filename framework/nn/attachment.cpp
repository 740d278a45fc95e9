#include "framework/nn/attachment.h"

#include <algorithm>

#include <fmt/format.h>

#include "framework/core/error.h"
#include "framework/core/pattern.h"
#include "framework/quant/edge.h"

namespace bitsweep {
namespace {

std::unique_ptr<Method> make_method(const MethodSpec& spec,
                                    const MethodRegistry& registry) {
  return registry.at(spec.id).make(spec.params);
}

// `float`, `8` or `method`; the last where no edge has a say.
std::string policy_for(const Site& site, const EdgesSpec& edges, bool first, bool last) {
  std::string policy = first ? edges.first : last ? edges.last : "method";
  if (site.role == Role::kBias) policy = edges.bias;
  if (site.is_image && policy != "float") policy = edges.image;
  return policy;
}

std::unique_ptr<Quantizer> quantizer_for(const Site& site, const std::string& policy,
                                         const Method& method) {
  if (policy == "float") return nullptr;
  if (policy == "method") return method.quantizer(site);
  const bool is_value = site.role != Role::kOutput && site.role != Role::kGradient;
  return is_value ? make_edge_quantizer(site, std::stoi(policy)) : nullptr;
}

// Its quantizers are made by `quantizer_for`; of a method it has the stages.
class Edges final : public Method {
 public:
  std::unique_ptr<Quantizer> quantizer(const Site&) const override { return nullptr; }
  // How long is trained, others say.
  std::vector<Stage> stages() const override {
    return {{.kind = Stage::Kind::kCalibrate, .name = "calibrate"}, {.share = 0}};
  }
};

template <class Make>
void attach(Network& network, BoundSite& bound, Make make) {
  at_site(bound, [&] { network.attach(bound, make()); });
}

// Names each of them, a line each.
void refuse_rules_without_site(const std::vector<SiteRule>& rules,
                               const Network& network) {
  const auto& sites = network.sites();
  std::vector<std::string> names;
  for (const BoundSite* bound : sites) names.push_back(bound->site.name);
  std::vector<std::string> lines;
  for (const SiteRule& rule : rules) {
    const bool matched = std::any_of(
        names.begin(), names.end(),
        [&](const std::string& name) { return matches_pattern(rule.match, name); });
    if (matched) continue;
    lines.push_back(
        fmt::format("{}sites: '{}' matches no site of the network; there are "
                    "{}",
                    rule.place.prefix(), rule.match, fmt::join(names, ", ")));
  }
  if (!lines.empty()) throw ConfigError(fmt::format("{}", fmt::join(lines, "\n")));
}

}  // namespace

MethodList attach_quantizers(Network& network, const MethodSpec& spec,
                             const EdgesSpec& edges, const std::vector<SiteRule>& rules,
                             const MethodRegistry& registry) {
  MethodList methods;
  methods.push_back(make_method(spec, registry));
  refuse_rules_without_site(rules, network);
  for (const SiteRule& rule : rules) {
    methods.push_back(make_method(rule.method, registry));
  }
  methods.push_back(std::make_unique<Edges>());

  const auto& layers = network.weighted_layers();
  for (WeightedLayer* layer : layers) {
    for (BoundSite* bound : layer->sites()) {
      const auto rule = std::find_if(rules.begin(), rules.end(), [&](const SiteRule& r) {
        return matches_pattern(r.match, bound->site.name);
      });
      if (rule != rules.end()) {
        bound->owner = int(rule - rules.begin()) + 1;
        bound->method = rule->method.id;
        const Method& own = *methods[std::size_t(bound->owner)];
        attach(network, *bound, [&] { return own.quantizer(bound->site); });
        continue;
      }
      const std::string policy =
          policy_for(bound->site, edges, layer == layers.front(), layer == layers.back());
      bound->owner = policy == "method" ? 0 : int(methods.size()) - 1;
      bound->method = policy == "method" ? spec.id : "edges";
      attach(network, *bound,
             [&] { return quantizer_for(bound->site, policy, *methods.front()); });
    }
  }
  return methods;
}

std::vector<std::vector<Stage>> stages_of(const MethodList& methods,
                                          const Network& network) {
  std::vector<std::vector<Stage>> lists(methods.size());
  lists.front() = methods.front()->stages();
  for (const BoundSite* bound : network.sites()) {
    auto& own = lists[std::size_t(bound->owner)];
    if (bound->is_quantized() && own.empty()) {
      own = methods[std::size_t(bound->owner)]->stages();
    }
  }
  return lists;
}

}  // namespace bitsweep
