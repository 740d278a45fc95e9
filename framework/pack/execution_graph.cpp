#include "framework/pack/execution_graph.h"

#include <utility>

namespace bitsweep {
namespace {

void find_consumers(ExecutionGraph& all) {
  all.consumers.assign(all.graph.nodes.size() + 1, {});
  for (std::size_t i = 0; i < all.graph.nodes.size(); ++i) {
    for (const int input : all.graph.nodes[i].inputs) {
      all.consumers[std::size_t(input)].push_back(int(i));
    }
  }
}

// Node i is a pool and node i + 1, its only reader, quantizes it: they change places.
void quantize_before_pools(ExecutionGraph& all, const PackedModel& model) {
  auto& nodes = all.graph.nodes;
  for (bool moved = true; std::exchange(moved, false);) {
    for (std::size_t i = 0; i + 1 < nodes.size(); ++i) {
      GraphNode &pool = nodes[i], &quantize = nodes[i + 1];
      if (pool.operation != Operation::kMaxPool ||
          quantize.operation != Operation::kQuantize ||
          quantize.inputs.front() != int(i) + 1 || all.consumers[i + 1].size() != 1) {
        continue;
      }
      const auto& own = model.quantizers[std::size_t(all.quantizer_of[i + 1])];
      if (own.rule.of_magnitude || own.rule.is_dynamic()) continue;
      const int from = pool.inputs.front();
      if (from > 0 && is_product(nodes[std::size_t(from - 1)])) continue;
      quantize.inputs = pool.inputs;
      quantize.output = all.graph.shape_of(pool.inputs.front());
      pool.inputs = {int(i) + 1};
      std::swap(pool, quantize);
      std::swap(all.quantizer_of[i], all.quantizer_of[i + 1]);
      find_consumers(all);
      moved = true;
    }
  }
}

}  // namespace

ExecutionGraph execution_graph(const PackedModel& model) {
  ExecutionGraph all{.graph = model.graph};
  int quantizers = 0;
  for (const GraphNode& node : all.graph.nodes) {
    const bool quantizes = node.operation == Operation::kQuantize;
    all.quantizer_of.push_back(quantizes ? quantizers++ : -1);
  }
  find_consumers(all);
  quantize_before_pools(all, model);
  all.grid_of.assign(all.graph.nodes.size() + 1, -1);
  for (std::size_t i = 0; i < all.graph.nodes.size(); ++i) {
    const GraphNode& node = all.graph.nodes[i];
    if (node.operation == Operation::kQuantize) all.grid_of[i + 1] = all.quantizer_of[i];
    if (node.operation == Operation::kMaxPool) {
      const int grid = all.grid_of[std::size_t(node.inputs.front())];
      const bool is_dynamic =
          grid >= 0 && model.quantizers[std::size_t(grid)].rule.is_dynamic();
      all.grid_of[i + 1] = is_dynamic ? -1 : grid;
    }
  }
  return all;
}

bool is_elementwise(Operation operation) {
  switch (operation) {
    case Operation::kAffine:
    case Operation::kRelu:
    case Operation::kRelu6:
    case Operation::kHardTanh:
    case Operation::kAdd:
    case Operation::kPixelScale:
    case Operation::kQuantize:
      return true;
    default:
      return false;
  }
}

}  // namespace bitsweep
