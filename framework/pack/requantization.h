// From sums of integers to the next layer's codes in one step, as integer hardware and
// ONNX Runtime's QLinearConv do it: batch normalisation goes into the factors, the bias
// is rounded to a whole number of the sums' step.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "framework/pack/execution_graph.h"
#include "framework/pack/integer_product.h"

namespace bitsweep {

/// code = clamp(round(float(sum + bias[filter]) * factor[filter]), low, high), half to
/// even.
struct Requantization {
  std::size_t quantize = 0;         // the node that it ends in
  std::vector<bool> negated;        // by filter: the sum's sign is turned
  std::vector<float> weight_scale;  // of the weights as they now are
  std::vector<float> sum_scale;     // input scale * weight scale
  std::vector<std::int32_t> bias;   // in steps of the sum's scale
  std::vector<float> factor;        // sum scale / output scale
  float output_scale = 1;
  std::int32_t low = 0, high = 0;  // a rectifier before the quantizer raises low
};

/// Of product node `index` of the graph. Nothing where its values have another reader, or
/// are not quantized by half-even rounding to a grid around 0 directly behind affine
/// nodes and at most one rectifier; where a sum of one would move a code by more than
/// 1/16, so that a rounded bias may be felt; or where numbers leave their types.
std::optional<Requantization> find_requantization(const PackedModel& model,
                                                  const ExecutionGraph& all,
                                                  std::size_t index,
                                                  const IntegerProduct& product,
                                                  const CodeForm& input);

}  // namespace bitsweep
