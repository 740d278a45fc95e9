// Packed models as ONNX files. ONNX.md in this folder says what each dialect promises.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "framework/pack/model.h"

namespace bitsweep {

enum class OnnxDialect {
  kInteger,  // integer operators, in the executor's own order of operations
  kQdq,      // QuantizeLinear and DequantizeLinear around float operators
  kQonnx,    // QONNX's Quant around float operators
  kFloat,    // plain float operators alone
};

/// "integer", "qdq", "qonnx", "float".
std::vector<std::string> onnx_dialect_names();
/// Throws ConfigError naming those that there are.
OnnxDialect onnx_dialect(std::string_view name);

/// The file. Input `images`: [N, height, width, channels] floats as the network sees
/// them, after preprocessing; output `logits`: [N, classes]. Throws RunError for a
/// quantizer whose codes ONNX operators cannot choose.
std::string onnx_bytes(const PackedModel& model, OnnxDialect dialect);

}  // namespace bitsweep
