// The plain quantizer of network ends: what `edges: {first: 8}` puts there, whatever the
// method is.
#pragma once

#include <memory>

#include "framework/quant/quantizer.h"

namespace bitsweep {

/// Weights and biases: symmetric, the scale follows the largest magnitude. Inputs and
/// outputs: affine between the least and the largest value of the calibration batches,
/// and no gradient beyond them. Gradients stay float: null.
std::unique_ptr<Quantizer> make_edge_quantizer(const Site& site, int bits);

}  // namespace bitsweep
