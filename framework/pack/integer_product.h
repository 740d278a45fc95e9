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
/// inputs with ranges found at run time x are their codes less the zero point, and the
/// factor is to be multiplied by the scale.
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

/// The same of inputs that lie in two bytes each, whose sums take more than 32 bits.
/// Nothing, and `reason` says why, where those of one byte might.
std::optional<IntegerProduct> split_product(const NetworkTensor& weight,
                                            const CodeForm& input, std::string& reason);

/// y[filter] = the sum over blocks of float(sum over the block of w * x) * its factor, +
/// bias[filter].
struct BlockProduct {
  std::vector<std::int8_t> weights;  // in the tensor's order
  std::size_t block = 1;             // weights that share a factor
  std::vector<float> factors;        // [filters][blocks]
  double largest_sum = 0;            // of a block, in magnitude
};

/// Of weights whose scale changes within a filter, in equal blocks. Nothing, and `reason`
/// says why, for other weights or inputs than whole numbers, and ranges found at run time.
std::optional<BlockProduct> block_product(const NetworkTensor& weight,
                                          const CodeForm* input, std::string& reason);

/// Whether these biases are whole steps of the product's sums: codes to begin them with.
bool is_start(const NetworkTensor* bias, const IntegerProduct& product);

/// Values of a tensor, quantized or not.
std::vector<float> values_of(const NetworkTensor& tensor);

/// Whether there is one scale for all weights, or one for each filter.
bool is_by_filter(const NetworkTensor& weight);

}  // namespace bitsweep
