// From sums of integers to the next layer's codes in one step, as integer hardware does
// it: batch normalisation goes into the factors, the bias is rounded to a whole number of
// the sums' step.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "framework/engine/integer/requantize.h"
#include "framework/pack/execution_graph.h"
#include "framework/pack/integer_product.h"

namespace bitsweep {

/// How sums become codes.
enum class Requantize {
  kAsTrained,  // values in float, through what lies between: the order of training
  kFloat,      // one factor in float, half to even, as ONNX Runtime's QLinearConv
  kFixedPoint  // on integers alone: gemmlowp's multiplier and shift (Jacob et al. 2018,
               // arXiv:1712.05877, section 2.2)
};

/// "float", "gemmlowp"; throws ConfigError for another word.
Requantize requantize_named(std::string_view word);

/// code = clamp(zero_point + round((sign[filter] * sum + bias[filter]) * factor[filter]),
/// low, high).
struct Requantization {
  Requantize how = Requantize::kFloat;
  std::size_t quantize = 0;                      // the node that it ends in
  std::vector<std::int32_t> sign;                // by filter: 1 or -1
  std::vector<float> weight_scale;               // of the weights as they now are
  std::vector<float> sum_scale;                  // input scale * weight scale
  std::vector<std::int32_t> bias;                // in steps of the sum's scale
  std::vector<float> factor;                     // sum scale / output scale
  std::vector<FixedPointMultiplier> multiplier;  // the same, of kFixedPoint
  float output_scale = 1;
  std::int32_t zero_point = 0;     // of the codes
  std::int32_t low = 0, high = 0;  // a rectifier before the quantizer raises low
};

/// Of product node `index` of the graph. Nothing, and `reason` says why, where its values
/// have another reader, or are not quantized to a uniform grid directly behind affine
/// nodes and at most one rectifier, or where numbers leave their types. kFloat wants
/// half-even rounding ahead of the zero point too, and no sum of one that moves a code by
/// more than 1/16, so that a rounded bias is not felt.
std::optional<Requantization> find_requantization(
    Requantize how, const PackedModel& model, const ExecutionGraph& all,
    std::size_t index, const IntegerProduct& product, const CodeForm& input,
    std::string& reason);

}  // namespace bitsweep
