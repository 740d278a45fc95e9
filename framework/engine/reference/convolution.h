// The plain twins of convolution and matrix product: slow, obvious, the definition.
#pragma once

#include <memory>

#include "framework/engine/convolution.h"

namespace bitsweep::reference {

std::unique_ptr<Convolution> make_convolution(const ConvolutionGeometry& geometry,
                                              int images, int slots);

void matrix_product(int rows, int columns, int inner, MatrixView a, MatrixView b,
                    float beta, float* c, int c_stride);

}  // namespace bitsweep::reference
