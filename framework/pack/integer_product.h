// A product on whole numbers, and why one is not: what the executor runs and what files
// of other formats say.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "framework/pack/model.h"
#include "framework/pack/stored_value.h"

namespace bitsweep {

/// y[filter] = float(sum of w * x) * factor[filter] + bias[filter], w and x whole. Of
/// inputs with scales for each image x are their codes less the image's zero point, and
/// the factor is to be multiplied by its scale.
struct IntegerProduct {
  std::vector<std::int8_t> weights;  // in the tensor's order
  IntegerForm form;                  // of the weights
  std::vector<float> factors;        // one a filter
  double largest_sum = 0;            // in magnitude, that these weights can reach
};

/// Of inputs in this form; null: the inputs are float. Nothing where the product cannot
/// be made of whole numbers or a sum may leave 32 bits; `reason` then says why.
std::optional<IntegerProduct> integer_product(const NetworkTensor& weight,
                                              const CodeForm* input, std::string& reason);

/// Values of a tensor, quantized or not.
std::vector<float> values_of(const NetworkTensor& tensor);

/// Whether there is one scale for all weights, or one for each filter.
bool is_by_filter(const NetworkTensor& weight);

}  // namespace bitsweep
