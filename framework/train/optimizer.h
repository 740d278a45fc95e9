// The optimizer's step over all parameters of a network.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "framework/config/run_spec.h"
#include "framework/core/parameter.h"

namespace bitsweep {

/// Holds the state of SGD or Adam beside each parameter. When it is made, the first rule
/// of the specification that matches a parameter multiplies the factors that its method
/// has given it; a rule that matches no parameter is a ConfigError. One a network.
class Optimizer {
 public:
  Optimizer(const OptimizerSpec& spec, const std::vector<MultiplierRule>& rules,
            const std::vector<Parameter*>& parameters);

  /// One step from the gradients the parameters hold; `step` counts from 0.
  void step(double learning_rate, std::int64_t step);

 private:
  struct Part {
    Parameter* parameter;
    Buffer* momentum;
    Buffer* square;  // Adam's second moment
    std::size_t begin, end;
  };
  void update(const Part& part, double learning_rate, std::int64_t step) const;

  OptimizerSpec spec_;
  std::vector<std::unique_ptr<Buffer>> state_;
  std::vector<Part> parts_;
};

}  // namespace bitsweep
