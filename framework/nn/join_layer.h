// Layers that make one activation of several: additions and concatenations.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "framework/nn/quantized_input.h"

namespace bitsweep {

/// Its operands are sites; a quantizer stands before one where a method asks for it.
class JoinLayer : public Layer {
 public:
  std::vector<Parameter*> parameters() override;
  std::vector<BoundSite*> sites() override;
  void allocate() override;
  void plan_forward(Program& program, bool training) override;

 protected:
  JoinLayer(const std::string& name, LayerContext& context) : Layer(name, context) {}

  /// `site` is the name behind the layer's: "add/body".
  void add_operand(Activation& operand, const std::string& site);
  bool has_quantizers() const;
  std::vector<int> describe_operands(GraphBuilder& builder);
  /// Of one operand, the gradient: `fill` writes all of `dx` from the output's.
  void plan_operand_gradient(
      QuantizedInput& operand, Program& program,
      std::function<void(const Slice&, std::span<const float> dy, std::span<float> dx)>
          fill);
  virtual void join(const Slice& slice) = 0;

  std::deque<QuantizedInput> operands_;
};

}  // namespace bitsweep
