// The addition that ends a residual block.
#pragma once

#include <string>

#include "framework/nn/join_layer.h"

namespace bitsweep {

/// output = body + shortcut, rectified where a ReLU follows. Its operands are sites,
/// "block1/add/body" and "block1/add/shortcut"; while no quantizer stands before either,
/// the batch normalisation that ends the body adds in its own pass.
class AddLayer final : public JoinLayer {
 public:
  /// `body_end` gives what `shortcut` is added to.
  AddLayer(const std::string& name, Layer& body_end, Activation& shortcut,
           LayerContext& context);

  const char* kind() const override { return "add"; }
  bool absorb_relu() override;
  void describe(GraphBuilder& builder) override;
  void plan_forward(Program& program, bool training) override;
  void plan_backward(Program& program) override;

  /// Whether the body's last layer adds, and rectifies, in its own pass.
  bool is_fused() const { return can_fuse_ && !has_quantizers(); }
  bool rectifies() const { return rectifies_; }
  Activation& shortcut() { return operands_[1].activation(); }

 private:
  void join(const Slice& slice) override;

  bool can_fuse_;
  bool rectifies_ = false;
  std::string node_name_;
};

}  // namespace bitsweep
