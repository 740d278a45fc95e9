// Layers that treat each value by itself.

#include "framework/engine/elementwise.h"
#include "framework/engine/relu6.h"
#include "framework/nn/layer_kinds.h"
#include "framework/nn/slice_layer.h"

namespace bitsweep {
namespace {

class Relu final : public SliceLayer {
 public:
  Relu(const LayerSpec& spec, Activation& input, LayerContext& context)
      : SliceLayer(spec, input, input.shape, context) {
    output_.is_signed = false;
  }

  const char* kind() const override { return "relu"; }

 private:
  GraphNode operation() const override { return {.operation = Operation::kRelu}; }
  void forward(const Slice&, std::span<const float> x, std::span<float> y) override {
    kernels::relu_forward(x, y);
  }
  void backward(const Slice& slice, std::span<const float> dy,
                std::span<float> dx) override {
    kernels::relu_backward({output_.values(slice), dy.size()}, dy, dx);
  }
};

class Relu6 final : public SliceLayer {
 public:
  Relu6(const LayerSpec& spec, Activation& input, LayerContext& context)
      : SliceLayer(spec, input, input.shape, context) {
    output_.is_signed = false;
  }

  const char* kind() const override { return "relu6"; }

 private:
  GraphNode operation() const override { return {.operation = Operation::kRelu6}; }
  void forward(const Slice&, std::span<const float> x, std::span<float> y) override {
    kernels::relu6_forward(x, y);
  }
  void backward(const Slice& slice, std::span<const float> dy,
                std::span<float> dx) override {
    kernels::relu6_backward({output_.values(slice), dy.size()}, dy, dx);
  }
};

class HardTanh final : public SliceLayer {
 public:
  HardTanh(const LayerSpec& spec, Activation& input, LayerContext& context)
      : SliceLayer(spec, input, input.shape, context) {}

  const char* kind() const override { return "hard_tanh"; }

 private:
  GraphNode operation() const override { return {.operation = Operation::kHardTanh}; }
  void forward(const Slice&, std::span<const float> x, std::span<float> y) override {
    kernels::hard_tanh_forward(x, y);
  }
  void backward(const Slice& slice, std::span<const float> dy,
                std::span<float> dx) override {
    kernels::hard_tanh_backward({input_->values(slice), dy.size()}, dy, dx);
  }
};

}  // namespace

LayerKind relu_kind() {
  return {"relu", "max(x, 0).", NoParams::schema().fields(),
          [](const LayerSpec& spec, Activation& input, LayerContext& context) {
            parse_layer<NoParams>(spec);
            return std::make_unique<Relu>(spec, input, context);
          }};
}

LayerKind relu6_kind() {
  return {"relu6", "x clipped to [0, 6].", NoParams::schema().fields(),
          [](const LayerSpec& spec, Activation& input, LayerContext& context) {
            parse_layer<NoParams>(spec);
            return std::make_unique<Relu6>(spec, input, context);
          }};
}

LayerKind hard_tanh_kind() {
  return {"hard_tanh", "x clipped to [-1, 1].", NoParams::schema().fields(),
          [](const LayerSpec& spec, Activation& input, LayerContext& context) {
            parse_layer<NoParams>(spec);
            return std::make_unique<HardTanh>(spec, input, context);
          }};
}

// Pixels follow one another in memory and linear layers take any shape: nothing to do.
LayerKind flatten_kind() {
  return {
      "flatten", "An image as one long vector: [height, width, channels] in order.",
      NoParams::schema().fields(),
      [](const LayerSpec& spec, Activation&, LayerContext&) -> std::unique_ptr<Layer> {
        parse_layer<NoParams>(spec);
        return nullptr;
      }};
}

}  // namespace bitsweep
