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

  std::string name;              // "conv1/weight", unique within a network
  bool is_of_quantizer = false;  // a learned step, scale or clip
  Buffer value;
  Buffer gradient;
  float learning_rate_multiplier = 1;
  float decay_multiplier = 1;
  /// After each step values are raised to this: learned steps and scales stay positive.
  float minimum = -std::numeric_limits<float>::infinity();
};

}  // namespace bitsweep
