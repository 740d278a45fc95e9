// Convolutions and linear layers in ONNX operators.
#pragma once

#include <string>

#include "framework/pack/integer_product.h"
#include "framework/pack/onnx_image_codes.h"
#include "framework/pack/onnx_quantizer.h"
#include "framework/pack/onnx_writer.h"
#include "framework/pack/requantization.h"

namespace bitsweep {

/// One a channel of values [N, C, H, W], or [N, C] where they are flat.
std::string onnx_by_channel(OnnxWriter& writer, const std::string& name,
                            const std::vector<float>& values, bool is_flat);

/// Weights are [out, in, height, width] or [in, out] in a file, and an image is flattened
/// channel by channel, so a linear layer's inputs are put in that order.
class OnnxProduct {
 public:
  OnnxProduct(OnnxWriter& writer, const GraphNode& node, ImageShape input,
              OnnxDialect dialect);

  /// float(sums of codes) * factors + bias. x: bytes of `input`.
  std::string from_codes(const std::string& x, const OnnxQuantizer& input,
                         const IntegerProduct& product, const NetworkTensor* bias);
  /// The same of codes with a scale for each image. `image`: their scales and zero
  /// points.
  std::string from_image_codes(const std::string& bytes, const OnnxImageCodes& image,
                               bool has_zero_point, const IntegerProduct& product,
                               const NetworkTensor* bias);
  /// Of what DynamicQuantizeLinear makes of x.
  std::string from_dynamic(const std::string& x, const IntegerProduct& product,
                           const NetworkTensor* bias);
  /// Of float inputs, with the weights' own values.
  std::string from_floats(const std::string& x, const NetworkTensor& weight,
                          const NetworkTensor* bias);
  /// Of float inputs that come from codes, with weights behind a DequantizeLinear: so that
  /// a QuantizeLinear behind it makes one integer operator of all.
  std::string requantized(const std::string& x, const IntegerProduct& product,
                          const Requantization& requantization);

 private:
  template <class Value>
  std::vector<Value> in_file_order(const std::vector<Value>& from) const;
  OnnxShape shape_in_file() const;
  OnnxAttributes window() const;
  std::string with_bias(const std::string& y, const NetworkTensor* bias);
  std::string with_start(const std::string& sums, const NetworkTensor& bias);
  std::string dequantized_bias(const std::vector<std::int32_t>& codes,
                               const std::vector<float>& scales);
  std::string product_of(const std::string& x, const std::string& weights);
  std::string sums_of(const std::vector<std::string>& inputs);
  std::string sums_of_ones(const std::vector<std::int8_t>& weights);
  std::string scaled(const std::string& sums, const std::string& scale,
                     const IntegerProduct& product, const NetworkTensor* bias);
  std::string stored(const std::vector<std::int8_t>& weights);
  std::string dequantized(const std::vector<std::int8_t>& weights,
                          const std::vector<float>& units);
  std::string float_weights(const NetworkTensor& weight);
  std::string looked_up(const NetworkTensor& weight);
  std::string quant(const NetworkTensor& weight, const std::string& values);
  std::string scales(const Grid& grid);

  OnnxWriter& writer_;
  const GraphNode& node_;
  OnnxDialect dialect_;
  ImageShape input_;
  bool is_linear_;
  std::size_t filters_, height_, width_, channels_;
};

}  // namespace bitsweep
