// All of oneDNN (version 2). Version 3 changes the API: only this pair of files will
// know.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "framework/engine/convolution.h"

namespace bitsweep::onednn {

std::unique_ptr<Convolution> make_convolution(const ConvolutionGeometry& geometry,
                                              int images, int slots, bool data_gradient);

void matrix_product(int rows, int columns, int inner, MatrixView a, MatrixView b,
                    float beta, float* c, int c_stride);

/// The sums of u8 * s8 or s8 * s8 products in 32 bits, without zero points, weights
/// [out][kernel][kernel] [in / groups]. What framework/engine/integer/convolution.h says
/// of slots holds.
class ByteConvolution {
 public:
  virtual ~ByteConvolution() = default;
  /// True if all sums come out exactly, given that none is beyond `largest` in magnitude.
  virtual bool is_exact(std::int64_t largest) const = 0;
  virtual void pack_weights(const std::int8_t* weights) = 0;
  virtual void forward(int slot, const void* x, std::int32_t* y) const = 0;
  /// oneDNN's name of its kernel.
  virtual std::string name() const = 0;
};

std::unique_ptr<ByteConvolution> make_byte_convolution(
    const ConvolutionGeometry& geometry, bool is_signed, int images, int slots);

std::string version();

}  // namespace bitsweep::onednn
