#include "framework/train/optimizer.h"

#include <algorithm>
#include <map>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "framework/core/error.h"
#include "framework/core/parallel.h"
#include "framework/core/pattern.h"
#include "framework/engine/update.h"

namespace bitsweep {
namespace {

[[noreturn]] void refuse_rule(const MultiplierRule& rule,
                              const std::vector<Parameter*>& parameters) {
  std::vector<std::string> names;
  for (const Parameter* parameter : parameters) names.push_back(parameter->name);
  throw ConfigError(
      fmt::format("{}multipliers: '{}' matches no parameter; the network has {}",
                  rule.place.prefix(), rule.match, fmt::join(names, ", ")));
}

void apply_rules(const std::vector<MultiplierRule>& rules,
                 const std::vector<Parameter*>& parameters) {
  const auto matches = [](const MultiplierRule& rule, const Parameter* parameter) {
    return matches_pattern(rule.match, parameter->name);
  };
  for (const auto& rule : rules) {
    const bool used = std::any_of(parameters.begin(), parameters.end(),
                                  [&](const Parameter* p) { return matches(rule, p); });
    if (!used) refuse_rule(rule, parameters);
  }
  for (Parameter* parameter : parameters) {
    const auto rule =
        std::find_if(rules.begin(), rules.end(),
                     [&](const MultiplierRule& r) { return matches(r, parameter); });
    if (rule == rules.end()) continue;
    parameter->learning_rate_multiplier *= float(rule->learning_rate);
    parameter->decay_multiplier *= float(rule->decay);
  }
}

// A piece of a parameter, and how it is to move.
struct Piece {
  float rate, decay;
  std::int64_t step;  // from 0
  std::span<const float> gradient;
  std::span<float> moments[2];
  std::span<float> values;
};

void sgd_update(const OptimizerSpec& spec, const Piece& u) {
  const SgdStep step{.learning_rate = u.rate,
                     .momentum = float(spec.momentum),
                     .weight_decay = u.decay,
                     .nesterov = spec.nesterov};
  const auto kernel = spec.form == "caffe" ? kernels::sgd_step_caffe : kernels::sgd_step;
  kernel(step, u.gradient, u.moments[0], u.values);
}

void adam_update(const OptimizerSpec& spec, const Piece& u) {
  kernels::adam_step({.learning_rate = u.rate,
                      .beta1 = float(spec.beta1),
                      .beta2 = float(spec.beta2),
                      .epsilon = float(spec.epsilon),
                      .weight_decay = u.decay,
                      .step = u.step + 1},
                     u.gradient, u.moments[0], u.moments[1], u.values);
}

// Of each row of `optimizer_kinds`.
auto update_of(const OptimizerKind& kind) {
  static const std::map<std::string, void (*)(const OptimizerSpec&, const Piece&)> all = {
      {"sgd", sgd_update}, {"adam", adam_update}};
  const auto found = all.find(kind.id);
  ensure(found != all.end(), "each optimizer has its step here");
  return found->second;
}

}  // namespace

Optimizer::Optimizer(const OptimizerSpec& spec, const std::vector<MultiplierRule>& rules,
                     const std::vector<Parameter*>& parameters)
    : spec_(spec), kind_(optimizer_kind(spec.id)) {
  apply_rules(rules, parameters);
  for (Parameter* parameter : parameters) {
    auto& own = moments_.emplace_back(std::make_unique<Moments>());
    own->name = parameter->name;
    for (std::size_t i = 0; i < kind_.moments.size(); ++i) {
      own->kinds.emplace_back(parameter->value.size());
    }
    const std::size_t size = parameter->value.size();
    for (std::size_t begin = 0; begin < size; begin += kBlockElements) {
      parts_.push_back(
          {parameter, own.get(), begin, std::min(size, begin + kBlockElements)});
    }
  }
}

void Optimizer::visit_state(SavedStateVisitor& visitor) {
  for (const auto& own : moments_) {
    for (std::size_t i = 0; i < kind_.moments.size(); ++i) {
      visitor.tensor(fmt::format("optimizer/{}/{}", own->name, kind_.moments[i]),
                     own->kinds[i].span());
    }
  }
}

void Optimizer::step(double learning_rate, std::int64_t step) {
  parallel_blocks(int(parts_.size()), [&](int part) {
    update(parts_[std::size_t(part)], learning_rate, step);
  });
}

void Optimizer::update(const Part& part, double learning_rate, std::int64_t step) const {
  Parameter& p = *part.parameter;
  const auto piece = [&](auto span) {
    return span.subspan(part.begin, part.end - part.begin);
  };
  const bool learned = p.is_of_quantizer;
  Piece own{.rate = float(learning_rate) * p.learning_rate_multiplier *
                    float(learned ? spec_.quantizer_learning_rate : 1),
            .decay = float(spec_.weight_decay) * p.decay_multiplier *
                     float(learned ? spec_.quantizer_weight_decay : 1),
            .step = step,
            .gradient = piece(std::as_const(p.gradient).span()),
            .moments = {},
            .values = piece(p.value.span())};
  for (std::size_t i = 0; i < kind_.moments.size(); ++i) {
    own.moments[i] = piece(part.moments->kinds[i].span());
  }
  update_of(kind_)(spec_, own);
  if (p.minimum > -std::numeric_limits<float>::infinity()) {
    for (float& value : own.values) value = std::max(value, p.minimum);
  }
}

}  // namespace bitsweep
