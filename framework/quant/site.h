// One tensor of a network that may be quantized.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "framework/quant/grid.h"

namespace bitsweep {

enum class Role {
  kWeight,
  kInput,  // of a convolution or linear layer
  kOutput,
  kGradient,
  kBias,
  kOperand,  // one of the tensors that are added or concatenated; most leave it in float
};

/// "weight", "input", ...
const char* role_name(Role role);

/// All that a method learns of the network: one site of one layer. Inputs and operands of
/// several layers may be one tensor: then one quantizer serves them, that of the first;
/// so a method that quantizes operands gives them what it would give to an input.
struct Site {
  std::string name;   // "conv1/weight", "block1/add/shortcut"
  std::string layer;  // "conv1"
  Role role = Role::kWeight;
  /// Weights: {out, kernel height, kernel width, in per group} or {out, in}. Activations
  /// and gradients: {height, width, channels} of one image. Biases: {out}.
  std::vector<int> shape;
  std::size_t elements = 0;  // of the weight or bias tensor; of one image otherwise
  ChannelLayout channels;    // output channels of weights; channels of activations
  bool is_signed = true;     // false where values cannot be negative (behind a ReLU)
  bool is_image = false;     // the network's own input
  bool is_convolution = true;
  int fan_in = 0;         // weights: values that meet in one output
  int fan_out = 0;        // out channels x kernel area
  std::int64_t seed = 1;  // a stochastic quantizer draws from {seed, name}
};

}  // namespace bitsweep
