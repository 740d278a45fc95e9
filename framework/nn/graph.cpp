#include "framework/nn/graph.h"

namespace bitsweep {

std::string_view operation_name(Operation operation) {
  switch (operation) {
    case Operation::kConvolution:
      return "convolution";
    case Operation::kLinear:
      return "linear";
    case Operation::kQuantize:
      return "quantize";
    case Operation::kPixelScale:
      return "pixel scale";
    case Operation::kAffine:
      return "affine";
    case Operation::kRelu:
      return "relu";
    case Operation::kHardTanh:
      return "hard tanh";
    case Operation::kMaxPool:
      return "max pool";
    case Operation::kAveragePool:
      return "average pool";
    case Operation::kGlobalAveragePool:
      return "global average pool";
    case Operation::kLrnAcross:
      return "lrn across";
    case Operation::kLrnWithin:
      return "lrn within";
    case Operation::kAdd:
      return "add";
    case Operation::kPadShortcut:
      return "pad shortcut";
    case Operation::kRelu6:
      return "relu6";
    case Operation::kConcat:
      return "concat";
  }
  return "unknown";
}

}  // namespace bitsweep
