// A tensor that training changes.
#pragma once

#include <limits>
#include <string>
#include <utility>

#include "framework/core/tensor.h"

namespace bitsweep {

/// Values, their gradient, and how the optimizer is to treat them. Owned by the layer or
/// quantizer that uses it; optimizers keep their own state beside it, by address.
struct Parameter {
  Parameter() = default;
  Parameter(std::string full_name, std::size_t size)
      : name(std::move(full_name)), value(size), gradient(size) {}

  /// Without memory until `allocate`: of a network that is only looked at.
  static Parameter planned(std::string full_name, std::size_t size) {
    Parameter parameter(std::move(full_name), 0);
    parameter.planned_size = size;
    return parameter;
  }
  void allocate() {
    value = Buffer(planned_size);
    gradient = Buffer(planned_size);
  }
  std::size_t size() const { return value.empty() ? planned_size : value.size(); }

  std::string name;              // "conv1/weight", unique within a network
  bool is_of_quantizer = false;  // a learned step, scale or clip
  Buffer value;
  Buffer gradient;
  std::size_t planned_size = 0;
  float learning_rate_multiplier = 1;
  float decay_multiplier = 1;
  /// After each step values are raised to this: learned steps and scales stay positive.
  float minimum = -std::numeric_limits<float>::infinity();
};

}  // namespace bitsweep
