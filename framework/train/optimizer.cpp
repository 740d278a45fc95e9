#include "framework/train/optimizer.h"

#include <algorithm>

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

}  // namespace

Optimizer::Optimizer(const OptimizerSpec& spec, const std::vector<MultiplierRule>& rules,
                     const std::vector<Parameter*>& parameters)
    : spec_(spec) {
  apply_rules(rules, parameters);
  for (Parameter* parameter : parameters) {
    auto& own = moments_.emplace_back(std::make_unique<Moments>());
    own->name = parameter->name;
    own->momentum = Buffer(parameter->value.size());
    if (spec.id == "adam") own->square = Buffer(parameter->value.size());
    const std::size_t size = parameter->value.size();
    for (std::size_t begin = 0; begin < size; begin += kBlockElements) {
      parts_.push_back(
          {parameter, own.get(), begin, std::min(size, begin + kBlockElements)});
    }
  }
}

void Optimizer::visit_state(SavedStateVisitor& visitor) {
  for (const auto& own : moments_) {
    const std::string name = "optimizer/" + own->name;
    visitor.tensor(name + "/momentum", own->momentum.span());
    if (!own->square.empty()) visitor.tensor(name + "/square", own->square.span());
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
  const auto w = piece(p.value.span());
  const auto g = piece(std::as_const(p.gradient).span());
  const bool learned = p.is_of_quantizer;
  const float rate = float(learning_rate) * p.learning_rate_multiplier *
                     float(learned ? spec_.quantizer_learning_rate : 1);
  const float decay = float(spec_.weight_decay) * p.decay_multiplier *
                      float(learned ? spec_.quantizer_weight_decay : 1);
  if (spec_.id == "adam") {
    kernels::adam_step({.learning_rate = rate,
                        .beta1 = float(spec_.beta1),
                        .beta2 = float(spec_.beta2),
                        .epsilon = float(spec_.epsilon),
                        .weight_decay = decay,
                        .step = step + 1},
                       g, piece(part.moments->momentum.span()),
                       piece(part.moments->square.span()), w);
  } else {
    const SgdStep sgd{.learning_rate = rate,
                      .momentum = float(spec_.momentum),
                      .weight_decay = decay,
                      .nesterov = spec_.nesterov};
    const auto kernel =
        spec_.form == "caffe" ? kernels::sgd_step_caffe : kernels::sgd_step;
    kernel(sgd, g, piece(part.moments->momentum.span()), w);
  }
  if (p.minimum > -std::numeric_limits<float>::infinity()) {
    for (float& value : w) value = std::max(value, p.minimum);
  }
}

}  // namespace bitsweep
