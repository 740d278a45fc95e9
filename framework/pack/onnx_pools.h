// Pools and their like in ONNX operators, on images [N, C, H, W].
#pragma once

#include <string>

#include "framework/nn/graph.h"
#include "framework/pack/onnx_writer.h"

namespace bitsweep {

/// How values are added where an operator of ONNX leaves the order open.
enum class OnnxSums {
  kUsual,     // the operator made for it
  kOneByOne,  // in the executor's order, of plain additions
};

/// Of floats or bytes.
std::string onnx_max_pool(OnnxWriter& writer, const GraphNode& node, ImageShape in,
                          const std::string& x);
std::string onnx_average_pool(OnnxWriter& writer, const GraphNode& node, ImageShape in,
                              const std::string& x, OnnxSums sums);
std::string onnx_global_average_pool(OnnxWriter& writer, const GraphNode& node,
                                     ImageShape in, const std::string& x, OnnxSums sums);
std::string onnx_lrn_across(OnnxWriter& writer, const GraphNode& node,
                            const std::string& x, OnnxSums order);
std::string onnx_lrn_within(OnnxWriter& writer, const GraphNode& node,
                            const std::string& x, OnnxSums order);
std::string onnx_pad_shortcut(OnnxWriter& writer, const GraphNode& node,
                              const std::string& x);
/// XNOR-Net's K: the mean over a window of the mean magnitude of a pixel. x may be
/// [N, C] too, of a linear layer.
std::string onnx_pixel_scales(OnnxWriter& writer, const GraphNode& node, ImageShape in,
                              const std::string& x, bool is_flat);

}  // namespace bitsweep
