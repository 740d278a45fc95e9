#include "framework/nn/add_layer.h"

#include "framework/engine/elementwise.h"

namespace bitsweep {

AddLayer::AddLayer(const std::string& name, Layer& body_end, Activation& shortcut,
                   LayerContext& context)
    : JoinLayer(name, context),
      can_fuse_(body_end.absorb_addition(*this)),
      node_name_(can_fuse_ ? body_end.name() + "/add" : name) {
  Activation& body = body_end.output();
  output_.shape = body.shape;
  output_.is_signed = body.is_signed || shortcut.is_signed;
  add_operand(body, "add/body");
  add_operand(shortcut, "add/shortcut");
}

bool AddLayer::absorb_relu() {
  if (!can_fuse_ || rectifies_) return false;
  rectifies_ = true;
  output_.is_signed = false;
  return true;
}

void AddLayer::describe(GraphBuilder& builder) {
  int value = builder.add({.operation = Operation::kAdd,
                           .name = node_name_,
                           .inputs = describe_operands(builder),
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

void AddLayer::plan_forward(Program& program, bool training) {
  if (!is_fused()) JoinLayer::plan_forward(program, training);
}

void AddLayer::join(const Slice& slice) {
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
  for (QuantizedInput& operand : operands_) {
    plan_operand_gradient(operand, program,
                          [](const Slice&, auto dy, auto dx) { kernels::copy(dy, dx); });
  }
}

}  // namespace bitsweep
