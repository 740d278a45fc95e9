#include "framework/app/without_effect.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "framework/train/calibration.h"
#include "framework/train/staged_training.h"

namespace bitsweep {
namespace {

RunFacts facts_of(const RunSpec& spec, const Network& network,
                  std::size_t training_images) {
  const auto& sites = network.sites();
  RunFacts facts{
      .has_normalisation = network.has_batch_normalisation(),
      .has_operands = std::any_of(sites.begin(), sites.end(), [](const BoundSite* bound) {
        return bound->site.role == Role::kOperand;
      })};
  if (const TrainingSpec* training = own_training(spec)) {
    const bool is_known = training->iterations > 0 || training_images > 0;
    facts.steps = is_known ? Trainer::steps_of(*training, training_images)
                           : std::numeric_limits<std::int64_t>::max();
  }
  return facts;
}

// `made` are the run's method and those of its rules.
std::vector<RunProblem> idle_settings(const MethodList& made, std::size_t rules,
                                      const RunFacts& facts) {
  std::vector<RunProblem> idle;
  for (std::size_t i = 0; i <= rules; ++i) {
    const std::string group = i == 0 ? "" : fmt::format("sites.{}.", i - 1);
    for (const ParamProblem& problem : made[i]->without_effect(facts)) {
      idle.push_back({fmt::format("{}method.{}", group, problem.name), problem.text,
                      /*is_idle=*/true});
    }
  }
  return idle;
}

// Parameters of a rule that are of tensors it has no site of.
std::vector<RunProblem> idle_in_rules(const Network& network, const RunSpec& spec) {
  std::vector<RunProblem> idle;
  for (std::size_t i = 0; i < spec.sites.size(); ++i) {
    const auto has_any = [&](const auto& is_meant) {
      const auto& sites = network.sites();
      return std::any_of(sites.begin(), sites.end(), [&](const BoundSite* bound) {
        return bound->owner == int(i) + 1 && is_meant(*bound);
      });
    };
    const auto is_of = [](Role role) {
      return [role](const BoundSite& bound) { return bound.site.role == role; };
    };
    const bool has_weights = has_any(is_of(Role::kWeight));
    const bool has_biases = has_any(is_of(Role::kBias));
    const bool has_activations =
        has_any([](const BoundSite& bound) { return bound.is_activation(); });
    if (has_biases && !has_weights && !has_activations) continue;  // theirs are these
    for (const auto& [name, value] : spec.sites[i].method.params) {
      const bool is_idle = (name.starts_with("weight_") && !has_weights) ||
                           (name.starts_with("activation_") && !has_activations);
      if (!is_idle) continue;
      idle.push_back({fmt::format("sites.{}.method.{}", i, name),
                      fmt::format("has no effect: the rule has no {}",
                                  has_weights ? "activations" : "weights"),
                      /*is_idle=*/true});
    }
  }
  return idle;
}

// Whether calibration leaves something in one of the quantizers.
bool is_calibrated(Network& network) {
  if (!sites_to_calibrate(network).empty()) return true;
  const auto& sites = network.sites();
  return std::any_of(sites.begin(), sites.end(), [](const BoundSite* bound) {
    return bound->sees_inputs != nullptr;
  });
}

std::vector<RunProblem> idle_calibration(Network& network, const RunSpec& spec) {
  if (spec.is_float()) return {};
  std::vector<RunProblem> idle;
  const auto add = [&](const char* key, const char* why) {
    idle.push_back({key, why, /*is_idle=*/true});
  };
  constexpr auto kNone =
      "has no effect: no activation of this row has a range that calibration chooses";
  if (!is_calibrated(network)) {
    for (const char* key : {"calibration.images", "calibration.seed", "calibration.table",
                            "calibration_batches"}) {
      add(key, kNone);
    }
  } else if (!spec.calibration.table.empty()) {
    add("calibration_batches", "has no effect: a table takes the place of images");
  } else if (spec.calibration.images > 0) {
    add("calibration_batches",
        "has no effect beside calibration.images; keep one of them");
  }
  return idle;
}

}  // namespace

std::vector<RunProblem> settings_without_effect(Network& network, const RunSpec& spec,
                                                const MethodList& made,
                                                std::size_t training_images) {
  const RunFacts facts = facts_of(spec, network, training_images);
  auto all = idle_settings(made, spec.sites.size(), facts);
  for (const auto& found :
       {idle_in_rules(network, spec), idle_calibration(network, spec)}) {
    all.insert(all.end(), found.begin(), found.end());
  }
  return all;
}

}  // namespace bitsweep
