#include "framework/nn/concat_layer.h"

#include <algorithm>

namespace bitsweep {
namespace {

std::size_t channels_of(const QuantizedInput& operand) {
  return std::size_t(operand.activation().shape.channels);
}

}  // namespace

ConcatLayer::ConcatLayer(const std::string& name,
                         const std::vector<Activation*>& branches, LayerContext& context)
    : JoinLayer(name, context) {
  output_.shape = branches.front()->shape;
  output_.shape.channels = 0;
  output_.is_signed = false;
  for (std::size_t i = 0; i < branches.size(); ++i) {
    add_operand(*branches[i], "concat/branch" + std::to_string(i + 1));
    output_.shape.channels += branches[i]->shape.channels;
    output_.is_signed |= branches[i]->is_signed;
  }
}

void ConcatLayer::describe(GraphBuilder& builder) {
  builder.define(output_, builder.add({.operation = Operation::kConcat,
                                       .name = name(),
                                       .inputs = describe_operands(builder),
                                       .output = output_.shape}));
}

std::size_t ConcatLayer::place_of(std::size_t operand) const {
  std::size_t place = 0;
  for (std::size_t i = 0; i < operand; ++i) place += channels_of(operands_[i]);
  return place;
}

void ConcatLayer::join(const Slice& slice) {
  const std::size_t all = std::size_t(output_.shape.channels);
  const std::size_t pixels = output_.elements(slice) / all;
  for (std::size_t i = 0; i < operands_.size(); ++i) {
    const std::size_t count = channels_of(operands_[i]);
    const float* x = operands_[i].values(slice);
    float* y = output_.values(slice) + place_of(i);
    for (std::size_t p = 0; p < pixels; ++p)
      std::copy_n(x + p * count, count, y + p * all);
  }
}

void ConcatLayer::plan_backward(Program& program) {
  for (std::size_t i = operands_.size(); i-- > 0;) {
    const std::size_t count = channels_of(operands_[i]), place = place_of(i);
    const std::size_t all = std::size_t(output_.shape.channels);
    plan_operand_gradient(
        operands_[i], program, [=](const Slice&, auto dy, std::span<float> dx) {
          const std::size_t pixels = dy.size() / all;
          for (std::size_t p = 0; p < pixels; ++p) {
            std::copy_n(dy.data() + p * all + place, count, dx.data() + p * count);
          }
        });
  }
}

}  // namespace bitsweep
