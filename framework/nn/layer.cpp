#include "framework/nn/layer.h"

#include <algorithm>

#include "framework/engine/elementwise.h"

namespace bitsweep {

GradientSink::GradientSink(Activation& input, LayerContext& context)
    : input_(&input), context_(&context) {
  if (input.needs_gradient) use_ = input.claim_gradient() ? Use::kAdd : Use::kWrite;
  if (use_ != Use::kWrite) {
    context.scratch_elements = std::max(context.scratch_elements, input.shape.elements());
  }
}

GradientSink GradientSink::in_place(Activation& input, Activation& output,
                                    LayerContext& context) {
  GradientSink sink(input, context);
  if (sink.is_direct()) input.gradient_owner = &output;
  return sink;
}

std::span<float> GradientSink::target(const Slice& slice) const {
  float* base = use_ == Use::kWrite ? input_->gradients(slice)
                                    : context_->scratch.data() + input_->offset(slice);
  return {base, input_->elements(slice)};
}

void GradientSink::finish(const Slice& slice) const {
  if (use_ != Use::kAdd) return;
  kernels::add_into(target(slice), {input_->gradients(slice), input_->elements(slice)});
}

}  // namespace bitsweep
