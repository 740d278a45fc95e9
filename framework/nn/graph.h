// A network as what it computes in evaluation: operations over numbered values. What is
// packed, executed and exported is made of this; it knows no layer and no method.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "framework/core/sides.h"
#include "framework/core/tensor.h"
#include "framework/engine/lrn.h"

namespace bitsweep {

enum class Operation : std::uint8_t {
  kConvolution,  // y = conv(x, weight) + bias
  kLinear,       // y = x weight^T + bias, an image being one long vector
  kQuantize,     // y = the value of the nearest code, by the site's rule
  kPixelScale,   // y[pixel] = x[pixel] * mean over its window of mean |second input|
  kAffine,       // y = x * scale + shift, one each a channel
  kRelu,         // max(x, 0)
  kHardTanh,     // x clipped to [-1, 1]
  kMaxPool,
  kAveragePool,  // divides by the window's area, the border counted
  kGlobalAveragePool,
  kLrnAcross,
  kLrnWithin,
  kAdd,          // two values
  kPadShortcut,  // every stride-th pixel, with channels of zeros before and behind
  kRelu6,        // x clipped to [0, 6]
  kConcat,       // of two values or more, pixel by pixel: their channels in a row
};

/// "convolution", "linear", ...
std::string_view operation_name(Operation operation);
inline constexpr int kOperations = int(Operation::kConcat) + 1;

/// Windows of convolutions and pools.
struct Window {
  Sides kernel = 1;
  Sides stride = 1;
  Border pad = 0;
  int groups = 1;
  friend bool operator==(const Window&, const Window&) = default;
};

struct GraphNode {
  Operation operation = Operation::kRelu;
  std::string name;         // of the layer; of a quantize node its site, "conv1/input"
  std::vector<int> inputs;  // values: 0 is the image, i + 1 the output of node i
  ImageShape output;
  Window window = {};     // of a padded shortcut its stride
  int zero_channels = 0;  // of a padded shortcut: before its own, and as many behind
  ResponseNormalisation lrn = {};
  /// Of affine nodes "scale" and "shift".
  std::map<std::string, std::vector<float>> constants = {};
};

/// Nodes in an order of execution; the last one gives the logits.
struct Graph {
  ImageShape image;
  int classes = 10;
  std::vector<GraphNode> nodes;

  ImageShape shape_of(int value) const {
    return value == 0 ? image : nodes[std::size_t(value - 1)].output;
  }
};

struct Activation;

/// Collects the nodes of a network's layers, in their order.
class GraphBuilder {
 public:
  GraphBuilder(Graph& graph, const Activation& image) : graph_(graph) {
    define(image, 0);
  }

  int value_of(const Activation& activation) const { return values_.at(&activation); }
  void define(const Activation& activation, int value) { values_[&activation] = value; }
  /// Adds a node and returns the value it gives.
  int add(GraphNode node) {
    graph_.nodes.push_back(std::move(node));
    return int(graph_.nodes.size());
  }

 private:
  Graph& graph_;
  std::map<const Activation*, int> values_;
};

}  // namespace bitsweep
