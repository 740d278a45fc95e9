// A network's tensors as they are stored: codes where they are quantized, else floats.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "framework/nn/network.h"
#include "framework/quant/encoded.h"

namespace bitsweep {

struct NetworkTensor {
  std::string name;  // "conv1/weight", "bn1/running_mean"
  std::vector<std::int64_t> shape;
  std::optional<Encoded> encoded;
  std::vector<float> values;  // where it is not encoded

  std::size_t elements() const { return encoded ? encoded->elements() : values.size(); }
};

/// Every parameter and running statistic, in network order, quantized as in evaluation.
/// Throws RunError, naming the site, when a quantizer's codes are none of its grid's.
std::vector<NetworkTensor> encoded_tensors(Network& network);

/// After a pass of evaluation: what every quantizer gave the network is, bit for bit,
/// what its codes stand for. Throws RunError, naming site and method, for floats that
/// pass for quantized. Quantizers that evaluate in float say so and count 32 bits.
void check_law(Network& network);

}  // namespace bitsweep
