// Branches side by side: their channels one behind the other.
#pragma once

#include <string>
#include <vector>

#include "framework/nn/join_layer.h"

namespace bitsweep {

/// Each pixel of the output has the channels of the first branch, then those of the
/// second, and so on. Its operands are the sites "fire2/concat/branch1", ...
class ConcatLayer final : public JoinLayer {
 public:
  /// The branches have one height and width.
  ConcatLayer(const std::string& name, const std::vector<Activation*>& branches,
              LayerContext& context);

  const char* kind() const override { return "concat"; }
  void describe(GraphBuilder& builder) override;
  void plan_backward(Program& program) override;

 private:
  void join(const Slice& slice) override;
  // Of the first channel of an operand.
  std::size_t place_of(std::size_t operand) const;
};

}  // namespace bitsweep
