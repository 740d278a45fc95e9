// Biases as whole numbers of the step of the sums that they are added to, as integer
// hardware and TensorFlow Lite have them: scale of the inputs times scale of the weights,
// zero point 0. Jacob et al. 2018, arXiv:1712.05877, section 2.4, equation 11.
#pragma once

#include <cstddef>
#include <memory>

#include "framework/engine/rounding.h"
#include "framework/quant/quantizer.h"

namespace bitsweep {

/// Codes of 32 bits, of `count` biases, one an output; the step is that of the product it
/// follows (`FollowsProduct`), 1 before it was told one. In training biases stay float
/// (section 3 of the same: they are not quantized there). Any rounding to the nearest.
std::unique_ptr<Quantizer> make_product_bias_quantizer(std::size_t count,
                                                       Rounding rounding);

}  // namespace bitsweep
