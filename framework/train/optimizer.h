// The optimizer's step over all parameters of a network.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "framework/config/optimizers.h"
#include "framework/config/run_spec.h"
#include "framework/core/parameter.h"
#include "framework/core/saved_state.h"

namespace bitsweep {

/// Holds the optimizer's state beside each parameter. When it is made, the first rule
/// of the specification that matches a parameter multiplies the factors that its method
/// has given it; a rule that matches no parameter is a ConfigError. One a network.
class Optimizer {
 public:
  Optimizer(const OptimizerSpec& spec, const std::vector<MultiplierRule>& rules,
            const std::vector<Parameter*>& parameters);

  /// One step from the gradients the parameters hold; `step` counts from 0.
  void step(double learning_rate, std::int64_t step);

  /// What the steps have left beside the parameters.
  void visit_state(SavedStateVisitor& visitor);

 private:
  struct Moments {
    std::string name;           // of the parameter
    std::vector<Buffer> kinds;  // as OptimizerKind names them
  };
  struct Part {
    Parameter* parameter;
    Moments* moments;
    std::size_t begin, end;
  };
  void update(const Part& part, double learning_rate, std::int64_t step) const;

  OptimizerSpec spec_;
  const OptimizerKind& kind_;
  std::vector<std::unique_ptr<Moments>> moments_;
  std::vector<Part> parts_;
};

}  // namespace bitsweep
