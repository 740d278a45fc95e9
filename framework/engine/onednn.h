// All of oneDNN (version 2). Version 3 changes the API: only this pair of files will
// know.
#pragma once

#include <memory>
#include <string>

#include "framework/engine/convolution.h"

namespace bitsweep::onednn {

std::unique_ptr<Convolution> make_convolution(const ConvolutionGeometry& geometry,
                                              int images, int slots, bool data_gradient);

void matrix_product(int rows, int columns, int inner, MatrixView a, MatrixView b,
                    float beta, float* c, int c_stride);

std::string version();

}  // namespace bitsweep::onednn
