#include "framework/nn/attachment.h"

#include <algorithm>

#include <fmt/format.h>

#include "framework/core/error.h"
#include "framework/core/pattern.h"
#include "framework/quant/edge.h"
#include "framework/quant/unfit_site.h"

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
  if (site.role == Role::kOutput || site.role == Role::kGradient) return nullptr;
  const bool is_operand = site.role == Role::kOperand;
  if (is_operand && method.quantizer(site) == nullptr) return nullptr;
  return make_edge_quantizer(site, std::stoi(policy));
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

// Puts one quantizer where several sites of an activation would have the same.
class Sharing {
 public:
  explicit Sharing(Network& network) : network_(network) {}

  /// `policy` is that of `policy_for`, and `method` the one it refers to.
  void attach(BoundSite& site, const std::string& policy, const MethodSpec& method,
              std::unique_ptr<Quantizer> quantizer) {
    if (quantizer == nullptr || !is_read(site)) {
      return network_.attach(site, std::move(quantizer));
    }
    const auto same = std::find_if(leaders_.begin(), leaders_.end(), [&](const auto& l) {
      return l.site->activation == site.activation &&
             l.site->site.is_convolution == site.site.is_convolution &&
             l.policy == policy &&
             (policy != "method" ||
              (l.method->id == method.id && l.method->params == method.params));
    });
    if (same != leaders_.end()) return network_.share(site, *same->site);
    network_.attach(site, std::move(quantizer));
    leaders_.push_back({&site, policy, &method});
  }

 private:
  struct Leader {
    BoundSite* site;
    std::string policy;
    const MethodSpec* method;
  };
  static bool is_read(const BoundSite& site) {
    return site.site.role == Role::kInput || site.site.role == Role::kOperand;
  }

  Network& network_;
  std::vector<Leader> leaders_;
};

// Of the run's method and those that have a site.
bool any_folds_in_training(const MethodList& methods, const Network& network) {
  const auto& sites = network.sites();
  return methods.front()->folds_in_training() ||
         std::any_of(sites.begin(), sites.end(), [&](const BoundSite* bound) {
           return bound->is_quantized() &&
                  methods[std::size_t(bound->owner)]->folds_in_training();
         });
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

// Folded normalisation gives a bias to layers without one, which then is as the product's
// sums are. Other methods leave it in float.
void attach_future_biases(Network& network, const EdgesSpec& edges, const Method& method,
                          const std::string& id) {
  if (edges.bias != "method") return;
  for (WeightedLayer* layer : network.weighted_layers()) {
    BoundSite& bound = layer->bias_site();
    if (layer->has_bias()) continue;
    at_site(bound, [&] {
      auto quantizer = method.quantizer(bound.site);
      if (optional_interface<FollowsProduct>(quantizer.get()) == nullptr) return;
      bound.method = id;
      network.attach(bound, std::move(quantizer));
    });
  }
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
  Sharing sharing(network);
  std::vector<UnfitSite> unfit;
  for (BoundSite* bound : network.sites()) {
    const auto rule = std::find_if(rules.begin(), rules.end(), [&](const SiteRule& r) {
      return matches_pattern(r.match, bound->site.name);
    });
    const bool is_ruled = rule != rules.end();
    const std::string policy =
        is_ruled
            ? "method"
            : policy_for(bound->site, edges, bound->site.layer == layers.front()->name(),
                         bound->site.layer == layers.back()->name());
    const MethodSpec& own = is_ruled ? rule->method : spec;
    const bool is_edge = policy != "method";
    bound->owner = is_ruled  ? int(rule - rules.begin()) + 1
                   : is_edge ? int(methods.size()) - 1
                             : 0;
    bound->method = is_edge ? "edges" : own.id;
    const Method& method = *methods[is_edge ? 0 : std::size_t(bound->owner)];
    try {
      at_site(*bound, [&] {
        sharing.attach(*bound, policy, own, quantizer_for(bound->site, policy, method));
      });
    } catch (const UnfitSite& site) {
      unfit.push_back(site);
    }
  }
  if (!unfit.empty()) throw ConfigError(UnfitSite::text_of(unfit));
  if (any_folds_in_training(methods, network)) network.fold_in_training();
  attach_future_biases(network, edges, *methods.front(), spec.id);
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
