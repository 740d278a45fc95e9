#include "framework/train/pruner.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "framework/core/error.h"
#include "framework/core/pattern.h"
#include "framework/nn/dropout_layer.h"
#include "framework/nn/pruned_site.h"
#include "framework/train/stage_plan.h"

namespace bitsweep {
namespace {

void refuse_pattern_without_layer(const std::string& match, const Network& network) {
  std::vector<std::string> names;
  for (const WeightedLayer* layer : network.weighted_layers()) {
    names.push_back(layer->name());
  }
  throw ConfigError(fmt::format("pruning: '{}' matches no layer; the network has {}",
                                match, fmt::join(names, ", ")));
}

void refuse_unprunable(const BoundSite& weights) {
  const auto* knows = optional_interface<KnowsPruned>(weights.quantizer.get());
  const std::string why = knows == nullptr ? "" : knows->why_not_pruned();
  if (why.empty()) return;
  throw ConfigError(fmt::format("pruning: {}: method '{}': {}", weights.site.name,
                                weights.method, why));
}

}  // namespace

Pruner::Pruner(Network& network, const PruningSpec* spec, const MethodList& methods)
    : network_(network) {
  if (spec != nullptr) {
    add_targets(*spec);
    plan(*spec);
    if (spec->scale_dropout) find_dropouts();
    if (spec->scale_dropout && dropouts_.empty()) {
      throw ConfigError(
          "pruning.scale_dropout: the network has no dropout layer; leave it out, or "
          "choose a network that has one");
    }
  } else {
    add_wishes(methods);
    steps_ = {{.position = 0, .progress = 1}};
  }
}

void Pruner::add_targets(const PruningSpec& spec) {
  const auto threshold = spec.measure == "quality" ? Pruning::Threshold::kDeviation
                                                   : Pruning::Threshold::kMagnitude;
  for (const LayerAmount& rule : spec.amounts) {
    const auto& layers = network_.weighted_layers();
    const bool matched = std::any_of(layers.begin(), layers.end(), [&](auto* layer) {
      return matches_pattern(rule.match, layer->name());
    });
    if (!matched) refuse_pattern_without_layer(rule.match, network_);
  }
  std::set<const LayerAmount*> used;
  for (WeightedLayer* layer : network_.weighted_layers()) {
    const auto rule = std::find_if(
        spec.amounts.begin(), spec.amounts.end(),
        [&](const LayerAmount& r) { return matches_pattern(r.match, layer->name()); });
    if (rule == spec.amounts.end()) continue;
    used.insert(&*rule);
    refuse_unprunable(layer->weight_site());
    if (spec.scope == "layer" || groups_.empty()) groups_.emplace_back();
    groups_.back().push_back({&layer->weight_site(), {threshold, rule->amount}});
  }
  for (const LayerAmount& rule : spec.amounts) {
    if (used.contains(&rule)) continue;
    throw ConfigError(
        fmt::format("pruning: '{}' has no effect: patterns before it take all layers "
                    "that it matches; remove it, or move it to the front",
                    rule.match));
  }
}

void Pruner::add_wishes(const MethodList& methods) {
  for (WeightedLayer* layer : network_.weighted_layers()) {
    BoundSite& weights = layer->weight_site();
    if (!weights.is_quantized()) continue;
    const auto* prunes =
        dynamic_cast<const PrunesWeights*>(methods[std::size_t(weights.owner)].get());
    if (prunes != nullptr) {
      groups_.push_back({{&weights, prunes->pruning(weights.site)}});
      if (prunes->scales_dropout()) find_dropouts();
    }
  }
}

void Pruner::plan(const PruningSpec& spec) {
  const double way = spec.end - spec.begin;
  if (spec.schedule == "one_shot") steps_ = {{.position = spec.begin, .progress = 1}};
  if (spec.schedule == "gradual") {
    for (int update = 1; update <= spec.updates; ++update) {
      const double t = double(update) / spec.updates;
      steps_.push_back({spec.begin + way * t, cubic_progress(t)});
    }
  }
  if (spec.schedule == "iterative") {
    rounds_ = spec.rounds;
    for (int round = 1; round <= rounds_; ++round) {
      const double t = rounds_ == 1 ? 0 : double(round - 1) / (rounds_ - 1);
      steps_.push_back({spec.begin + way * t, 0, round});
    }
  }
}

Pruning Pruner::due(const Pruning& whole, const Step& step) const {
  return step.round > 0 ? after_round(whole, step.round, rounds_)
                        : partial(whole, step.progress);
}

void Pruner::advance(double position) {
  const Step* last = nullptr;
  for (; next_ < steps_.size() && steps_[next_].position <= position + kSamePlace;
       ++next_) {
    last = &steps_[next_];
  }
  if (last == nullptr) return;
  for (const Group& group : groups_) prune_group(group, due(group.front().whole, *last));
  scale_dropout();
}

void Pruner::visit_state(SavedStateVisitor& visitor) {
  visitor.value("pruner/next", next_);
  scale_dropout();  // by the masks, which have been read with the network
}

void Pruner::find_dropouts() {
  dropouts_.clear();
  for (const auto& layer : network_.layers()) {
    auto* const dropout = dynamic_cast<DropoutLayer*>(layer.get());
    if (dropout != nullptr) dropouts_.push_back(dropout);
  }
}

void Pruner::scale_dropout() {
  for (DropoutLayer* dropout : dropouts_) dropout->follow_pruning();
}

void Pruner::prune_group(const Group& group, const Pruning& pruning) {
  std::vector<std::vector<float>> masks;
  for (const Target& target : group) {
    const BoundSite& site = *target.site;
    masks.push_back(site.kept.empty() ? std::vector<float>(site.latent->value.size(), 1)
                                      : site.kept);
  }
  std::vector<MaskedWeights> tensors;
  for (std::size_t i = 0; i < group.size(); ++i) {
    tensors.push_back({group[i].site->latent->value.span(), masks[i]});
  }
  prune(tensors, pruning);
  for (std::size_t i = 0; i < group.size(); ++i) {
    const auto& mask = masks[i];
    const bool all_stay = std::find(mask.begin(), mask.end(), 0.0f) == mask.end();
    if (!all_stay) set_kept(*group[i].site, std::move(masks[i]));
  }
}

}  // namespace bitsweep
