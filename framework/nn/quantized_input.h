// A layer's view of an activation that it reads.
#pragma once

#include <memory>
#include <span>

#include "framework/nn/layer.h"

namespace bitsweep {

/// What a layer reads: an activation as it is, or what a quantizer makes of it. Where
/// inputs of several layers share a quantizer, it works once, in the plans of the first
/// of them: forward before they all read, backward once their gradients have met.
class QuantizedInput {
 public:
  /// `bound` is the reader's site; its role and name are the caller's to give.
  QuantizedInput(Activation& input, LayerContext& context);

  Activation& activation() const { return *input_; }
  BoundSite& site() { return bound_; }
  const BoundSite& site() const { return bound_; }

  /// Whether a quantizer, its own or a shared one, stands before the reader.
  bool is_quantized() const { return bound_.source().is_quantized(); }
  /// Whether it works in the pass under way.
  bool is_active() const {
    return bound_.source().is_active() && context_.state.quantizing;
  }
  bool needs_gradient() const {
    return input_->needs_gradient || bound_.source().sum_count > 0;
  }

  void allocate();
  /// The value that the reader's operation takes, with its quantize node.
  int describe(GraphBuilder& builder);

  /// Forward: what must be done before `values` are read.
  void plan_forward(Program& program, bool training);
  const float* values() const;
  const float* values(const Slice& slice) const {
    return values() + input_->offset(slice);
  }
  std::span<const float> pixel_scales(const Slice& slice) const;

  /// Backward, where `needs_gradient`: while the reader plans; then its gradient, to be
  /// written in full; then on to the activation.
  void plan_backward();
  std::span<float> gradient_target(const Slice& slice) const;
  void finish_gradient(const Slice& slice);
  /// False where `finish_gradient` does nothing.
  bool has_to_finish() const;

 private:
  void quantize(const Slice& slice);
  void plan_measures(Program& program);
  bool measures_now() const;
  std::size_t counted(const Slice& slice) const;
  std::size_t pixels() const;
  Pass pass_for(const Slice& slice) const;

  Activation* input_;
  LayerContext& context_;
  BoundSite bound_;
  GradientSink to_meeting_, to_input_;
};

}  // namespace bitsweep
