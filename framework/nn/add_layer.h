// The addition that ends a residual block.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "framework/nn/quantized_input.h"

namespace bitsweep {

/// output = body + shortcut, rectified where a ReLU follows. Its operands are sites,
/// "block1/add/body" and "block1/add/shortcut"; while no quantizer stands before either,
/// the batch normalisation that ends the body adds in its own pass.
class AddLayer final : public Layer {
 public:
  /// `body_end` gives `body`.
  AddLayer(const std::string& name, Layer& body_end, Activation& shortcut,
           LayerContext& context);

  const char* kind() const override { return "add"; }
  std::vector<Parameter*> parameters() override;
  std::vector<BoundSite*> sites() override;
  bool absorb_relu() override;
  void describe(GraphBuilder& builder) override;
  void allocate() override;
  void plan_forward(Program& program, bool training) override;
  void plan_backward(Program& program) override;

  /// Whether the body's last layer adds, and rectifies, in its own pass.
  bool is_fused() const;
  bool rectifies() const { return rectifies_; }
  Activation& shortcut() { return operands_[1].activation(); }

 private:
  void add(const Slice& slice);
  void split_gradient(QuantizedInput& operand, Program& program);

  std::array<QuantizedInput, 2> operands_;  // body, shortcut
  bool can_fuse_;
  bool rectifies_ = false;
  std::string node_name_;
};

}  // namespace bitsweep
