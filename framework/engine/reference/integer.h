// The plain twins of framework/engine/integer: they define what its kernels compute.
#pragma once

#include <memory>

#include "framework/engine/integer/convolution.h"

namespace bitsweep::reference {

std::unique_ptr<IntegerConvolution> make_integer_convolution(
    const ConvolutionGeometry& geometry, InputCodes input, int images);

}  // namespace bitsweep::reference
