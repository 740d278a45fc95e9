// The simplest layers: slice in, slice out.
#pragma once

#include "framework/nn/layer.h"

namespace bitsweep {

/// For layers without parameters.
struct NoParams {
  static Schema<NoParams> schema() { return {}; }
};

/// A layer with one input, each slice of which is worked on by itself.
class SliceLayer : public Layer {
 public:
  SliceLayer(const LayerSpec& spec, Activation& input, ImageShape output,
             LayerContext& context)
      : Layer(spec.name, context), input_(&input) {
    output_.shape = output;
    output_.is_signed = input.is_signed;
    output_.makers = input.makers;
  }

  void describe(GraphBuilder& builder) override {
    GraphNode node = operation();
    node.name = name();
    node.inputs = {builder.value_of(*input_)};
    node.output = output_.shape;
    builder.define(output_, builder.add(std::move(node)));
  }

  void plan_forward(Program& program, bool) final {
    program.per_slice([this](const Slice& slice) {
      forward(slice, {input_->values(slice), input_->elements(slice)},
              {output_.values(slice), output_.elements(slice)});
    });
  }

  void plan_backward(Program& program) final {
    if (!input_->needs_gradient) return;
    const GradientSink sink(*input_, context_);
    program.per_slice([this, sink](const Slice& slice) {
      backward(slice, {output_.gradients(slice), output_.elements(slice)},
               sink.target(slice));
      sink.finish(slice);
    });
  }

 protected:
  /// The node with its operation and constants; name, input and shape are filled in.
  virtual GraphNode operation() const = 0;
  virtual void forward(const Slice& slice, std::span<const float> x,
                       std::span<float> y) = 0;
  virtual void backward(const Slice& slice, std::span<const float> dy,
                        std::span<float> dx) = 0;

  Activation* input_;
};

}  // namespace bitsweep
