// A graph as it is executed: quantizers stand before max pools where they can, so that
// pools work on codes; and each value knows who reads it.
#pragma once

#include <vector>

#include "framework/pack/model.h"

namespace bitsweep {

struct ExecutionGraph {
  Graph graph;
  std::vector<int> quantizer_of;            // by node: index of its quantizer, or -1
  std::vector<std::vector<int>> consumers;  // by value: the nodes that read it
  /// By value: the quantizer whose grid it lies on (quantize nodes and max pools behind
  /// them, unless ranges are found at run time), or -1.
  std::vector<int> grid_of;

  int last_value() const { return int(graph.nodes.size()); }
};

/// max_pool then quantize becomes quantize then max_pool where the pool has no other
/// reader and codes rise with values: the largest code is that of the largest value. Not
/// so behind a product, whose sums themselves are pooled.
ExecutionGraph execution_graph(const PackedModel& model);

/// Whether what it gives depends on the values at the same place alone, and beside them on
/// an addend's or a scale by pixel.
bool is_elementwise(Operation operation);

}  // namespace bitsweep
