// Quantizers that choose scale and zero point at run time, in ONNX operators.
#pragma once

#include <string>

#include "framework/pack/onnx_quantizer.h"
#include "framework/pack/onnx_writer.h"

namespace bitsweep {

/// Names of values; scale and zero point are floats, one an image or one for all, in as
/// many dimensions as the codes have.
struct OnnxImageCodes {
  std::string codes;  // floats
  std::string scale, zero_point;
};

/// x: [N, C, H, W], or [N, C] where it is flat. By the range of each image, or of all N.
/// In the executor's own order of operations.
OnnxImageCodes onnx_image_codes(OnnxWriter& writer, const std::string& name,
                                const std::string& x, bool is_flat, bool of_batch,
                                const AffineCodes& affine);

/// What the codes stand for.
std::string onnx_values_of(OnnxWriter& writer, const std::string& name,
                           const OnnxImageCodes& codes);

/// Whether DynamicQuantizeLinear computes the same of all it is given: codes 0 to 255, affine,
/// in ONNX's order.
bool is_dynamic_quantize_linear(const AffineCodes& affine);

}  // namespace bitsweep
