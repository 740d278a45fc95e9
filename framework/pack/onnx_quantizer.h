// How a quantizer of activations is said in ONNX operators.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "framework/pack/onnx.h"
#include "framework/pack/onnx_writer.h"
#include "framework/pack/stored_value.h"

namespace bitsweep {

/// What QONNX's Quant calls a width.
struct QuantWidth {
  int bits, is_signed, is_narrow;
};
/// Nothing where none has just the codes low to high.
std::optional<QuantWidth> quant_width(const UniformGrid& grid);

/// A Quant node. inputs: values, scale, zero point.
std::string onnx_quant(OnnxWriter& writer, const std::string& name, QuantWidth width,
                       std::vector<std::string> inputs);

class OnnxQuantizer {
 public:
  /// The writer must live on.
  OnnxQuantizer(OnnxWriter& writer, const PackedQuantizer& quantizer,
                OnnxDialect dialect);

  const CodeForm& form() const { return form_; }
  /// Of one whose scales are each image's: `onnx_image_codes.h` has what it does.
  const AffineCodes& affine() const { return quantizer_.rule.affine; }
  /// Whether its values are made as bytes first.
  bool gives_bytes() const { return gives_bytes_; }
  OnnxBytes type() const { return type_; }
  int zero_point() const { return zero_point_; }

  /// From float values, named as in `x`, to bytes: integer + zero point.
  /// `low`: the lowest code that may come, if it is not the grid's.
  std::string bytes(const std::string& name, const std::string& x,
                    std::optional<std::int32_t> low = {}) const;
  std::string floats_of_bytes(const std::string& name, const std::string& bytes) const;
  /// The same without DequantizeLinear: ONNX Runtime takes float weights of a product
  /// between that and QuantizeLinear for ones that it may round to 8 bits.
  std::string floats_for_product(const std::string& name, const std::string& bytes) const;
  /// From float values to those of their codes.
  std::string floats(const std::string& name, const std::string& x) const;

  /// By one QuantizeLinear alone, whose zero point is added behind the rounding.
  bool is_linear() const;

 private:
  std::string looked_up(const std::string& name, const std::string& bytes) const;
  bool are_multiples() const;
  bool is_round() const;
  std::string code(const std::string& name, const std::string& x) const;
  std::string code_index(const std::string& name, const std::string& x) const;

  OnnxWriter& writer_;
  PackedQuantizer quantizer_;
  OnnxDialect dialect_;
  CodeForm form_;
  bool gives_bytes_;
  OnnxBytes type_;
  int zero_point_;
};

}  // namespace bitsweep
