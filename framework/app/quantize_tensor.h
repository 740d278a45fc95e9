// One tensor through a method's quantizer, outside any network.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "framework/quant/method.h"
#include "framework/results/record.h"

namespace bitsweep {

struct QuantizedTensor {
  std::vector<float> values;
  std::vector<std::int32_t> codes;
  Grid grid;
};

/// The site a tensor would be in a network. Weights: [out, kernel, kernel, in] or
/// [out, in]; activations: [images, height, width, channels], [height, width, channels]
/// or [images, features]; a vector is one channel of either. An activation is signed when
/// a value of it is negative. Throws ConfigError for other shapes.
Site tensor_site(const StoredTensor& tensor, Role role);

/// Calibrated on the tensor itself and taken through all stages of the method that need
/// no training. Nothing where the method leaves such a site in float.
std::optional<QuantizedTensor> quantize_tensor(const Method& method, const Site& site,
                                               const StoredTensor& tensor);

}  // namespace bitsweep
