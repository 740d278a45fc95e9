#include "framework/nn/add_layer.h"

#include "framework/engine/elementwise.h"

namespace bitsweep {

AddLayer::AddLayer(const std::string& name, Layer& body_end, Activation& shortcut,
                   LayerContext& context)
    : Layer(name, context),
      operands_{QuantizedInput(body_end.output(), context),
                QuantizedInput(shortcut, context)},
      can_fuse_(body_end.absorb_addition(*this)),
      node_name_(can_fuse_ ? body_end.name() + "/add" : name) {
  const Activation& body = body_end.output();
  output_.shape = body.shape;
  output_.is_signed = body.is_signed || shortcut.is_signed;
  const char* const ends[] = {"/add/body", "/add/shortcut"};
  for (std::size_t i = 0; i < operands_.size(); ++i) {
    Site& site = operands_[i].site().site;
    site.role = Role::kOperand;
    site.layer = name;
    site.name = name + ends[i];
  }
}

std::vector<Parameter*> AddLayer::parameters() {
  std::vector<Parameter*> all;
  for (BoundSite* bound : sites()) {
    if (!bound->is_quantized()) continue;
    for (Parameter* p : bound->quantizer->trainable()) all.push_back(p);
  }
  return all;
}

std::vector<BoundSite*> AddLayer::sites() {
  return {&operands_[0].site(), &operands_[1].site()};
}

bool AddLayer::is_fused() const {
  return can_fuse_ && !operands_[0].is_quantized() && !operands_[1].is_quantized();
}

bool AddLayer::absorb_relu() {
  if (!can_fuse_ || rectifies_) return false;
  rectifies_ = true;
  output_.is_signed = false;
  return true;
}

void AddLayer::describe(GraphBuilder& builder) {
  const int body = operands_[0].describe(builder);
  const int shortcut = operands_[1].describe(builder);
  int value = builder.add({.operation = Operation::kAdd,
                           .name = node_name_,
                           .inputs = {body, shortcut},
                           .output = output_.shape});
  if (rectifies_) {
    const std::size_t end = node_name_.rfind("/add");
    value = builder.add({.operation = Operation::kRelu,
                         .name = node_name_.substr(0, end) + "/relu",
                         .inputs = {value},
                         .output = output_.shape});
  }
  builder.define(output_, value);
}

void AddLayer::allocate() {
  for (QuantizedInput& operand : operands_) operand.allocate();
}

void AddLayer::plan_forward(Program& program, bool training) {
  if (is_fused()) return;
  for (QuantizedInput& operand : operands_) operand.plan_forward(program, training);
  program.per_slice([this](const Slice& slice) { add(slice); });
}

void AddLayer::add(const Slice& slice) {
  const std::size_t count = output_.elements(slice);
  const std::span<float> y{output_.values(slice), count};
  kernels::add({operands_[0].values(slice), count}, {operands_[1].values(slice), count},
               y);
  if (rectifies_) kernels::relu_forward(y, y);
}

void AddLayer::plan_backward(Program& program) {
  if (is_fused()) return;
  if (rectifies_) {
    program.per_slice([this](const Slice& slice) {
      const std::size_t count = output_.elements(slice);
      const std::span<float> dy{output_.gradients(slice), count};
      kernels::relu_backward({output_.values(slice), count}, dy, dy);
    });
  }
  // The body's reader came first in the network, so its turn is last.
  split_gradient(operands_[1], program);
  split_gradient(operands_[0], program);
}

void AddLayer::split_gradient(QuantizedInput& operand, Program& program) {
  if (!operand.needs_gradient()) return;
  operand.plan_backward();
  program.per_slice([this, &operand](const Slice& slice) {
    const std::span<const float> dy{output_.gradients(slice), output_.elements(slice)};
    kernels::copy(dy, operand.gradient_target(slice));
    operand.finish_gradient(slice);
  });
  BoundSite& bound = operand.site();
  if (bound.sum_count == 0) return;
  program.once([&operand, &bound] {
    if (operand.is_active()) bound.finish_sums();
  });
}

}  // namespace bitsweep
