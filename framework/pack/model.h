// A packed model: a network's computation, its tensors as codes, and how an image becomes
// its input. All that is needed to score it; nothing of the study that made it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "framework/data/batches.h"
#include "framework/engine/convolution.h"
#include "framework/nn/encoded_network.h"
#include "framework/nn/graph.h"
#include "framework/quant/code_rule.h"

namespace bitsweep {

/// What a quantize node does: the code of a value, and what the code stands for.
struct PackedQuantizer {
  Grid grid;
  CodeRule rule;
};

/// value = pixel * factor + offset; one for all, one a channel, or one an element.
struct PackedPreprocessing {
  std::vector<float> factor = {1};
  std::vector<float> offset = {0};
};

struct PackedModel {
  std::string title;    // "survey-fashion: twn w2, seed 1"
  std::string dataset;  // the id of the data it was trained on
  PackedPreprocessing preprocessing;
  Graph graph;
  /// The weights of each product in the graph's order; where it has one, its bias behind
  /// it. Named as in the network.
  std::vector<NetworkTensor> tensors;
  std::vector<PackedQuantizer> quantizers;  // of the quantize nodes, in the graph's order

  const NetworkTensor* tensor(const std::string& name) const;  // null: there is none
};

/// The shape of a product's weights: [out, kernel height, kernel width, in / groups] or
/// [out, in].
std::vector<std::int64_t> weight_shape(const GraphNode& product, ImageShape input);

/// Whether some quantizer's range is that of all images that are run together: then what
/// the model gives depends on the size of the batches.
bool depends_on_batch(const PackedModel& model);

/// Whether a node has weights.
bool is_product(const GraphNode& node);

/// The windows over `input`, the second one, whose means scale the pixels of a
/// kPixelScale node: those of the product before it, a linear layer's image being one
/// pixel.
ConvolutionGeometry pixel_scale_geometry(const GraphNode& node, ImageShape input);

/// Throws DataError where the graph does not fit together: an input from a later node, a
/// shape that does not follow, a constant of the wrong size.
void check_graph(const Graph& graph);

/// The network as `evaluate` would score it. Throws RunError, naming the site, for a
/// quantizer of activations whose codes follow no rule.
PackedModel pack_model(Network& network, const Preprocessing& preprocessing,
                       std::string title, std::string dataset);

/// One each an element of the image.
Preprocessing preprocessing_of(const PackedModel& model);

}  // namespace bitsweep
