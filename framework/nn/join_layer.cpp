#include "framework/nn/join_layer.h"

#include <algorithm>
#include <utility>

namespace bitsweep {

std::vector<Parameter*> JoinLayer::parameters() {
  std::vector<Parameter*> all;
  for (BoundSite* bound : sites()) {
    if (!bound->is_quantized()) continue;
    for (Parameter* p : bound->quantizer->trainable()) all.push_back(p);
  }
  return all;
}

std::vector<BoundSite*> JoinLayer::sites() {
  std::vector<BoundSite*> all;
  for (QuantizedInput& operand : operands_) all.push_back(&operand.site());
  return all;
}

void JoinLayer::allocate() {
  for (QuantizedInput& operand : operands_) operand.allocate();
}

void JoinLayer::plan_forward(Program& program, bool training) {
  for (QuantizedInput& operand : operands_) operand.plan_forward(program, training);
  program.per_slice([this](const Slice& slice) { join(slice); });
}

void JoinLayer::add_operand(Activation& operand, const std::string& site) {
  Site& own = operands_.emplace_back(operand, context_).site().site;
  own.role = Role::kOperand;
  own.layer = name();
  own.name = name() + "/" + site;
  for (WeightedLayer* maker : operand.makers) {
    auto& all = output_.makers;
    if (std::find(all.begin(), all.end(), maker) == all.end()) all.push_back(maker);
  }
}

bool JoinLayer::has_quantizers() const {
  return std::any_of(operands_.begin(), operands_.end(),
                     [](const QuantizedInput& o) { return o.is_quantized(); });
}

std::vector<int> JoinLayer::describe_operands(GraphBuilder& builder) {
  std::vector<int> values;
  for (QuantizedInput& operand : operands_) values.push_back(operand.describe(builder));
  return values;
}

void JoinLayer::plan_operand_gradient(
    QuantizedInput& operand, Program& program,
    std::function<void(const Slice&, std::span<const float>, std::span<float>)> fill) {
  if (!operand.needs_gradient()) return;
  operand.plan_backward();
  program.per_slice([this, &operand, fill = std::move(fill)](const Slice& slice) {
    const std::span<const float> dy{output_.gradients(slice), output_.elements(slice)};
    fill(slice, dy, operand.gradient_target(slice));
    operand.finish_gradient(slice);
  });
  BoundSite& bound = operand.site();
  if (bound.sum_count == 0) return;
  program.once([&operand, &bound] {
    if (operand.is_active()) bound.finish_sums();
  });
}

}  // namespace bitsweep
