#include "framework/pack/execution_memory.h"

#include <algorithm>

#include <fmt/format.h>

#include "framework/core/error.h"
#include "framework/engine/lrn.h"
#include "framework/nn/program.h"

namespace bitsweep {
namespace {

double memory_of(const PackedModel& model, const ExecutorOptions& options) {
  const Graph& graph = model.graph;
  // Codes in two bytes have sums of both.
  const bool has_wide = std::any_of(
      model.quantizers.begin(), model.quantizers.end(),
      [](const PackedQuantizer& quantizer) { return quantizer.grid.bits() > 8; });
  const double batch = options.batch, slices = double(slice_batch(options.batch).size());
  double values = batch * double(graph.image.elements());
  double scratch = 0, sums = 0;
  for (const GraphNode& node : graph.nodes) {
    const ImageShape input = graph.shape_of(node.inputs.front());
    const double own = double(node.output.elements());
    values += batch * own;
    if (node.operation == Operation::kLrnAcross ||
        node.operation == Operation::kLrnWithin) {
      scratch += slices * double(within_channel_scratch(input, node.lrn));
    }
    if (!is_product(node)) continue;
    sums = std::max(sums, (has_wide ? 2 : 1) * batch * own);
    if (node.operation != Operation::kConvolution) continue;
    const Window& w = node.window;
    scratch += slices * double(input.height + w.pad.height()) *
               double(input.width + w.pad.width()) * double(input.channels);
    if (options.engine == EngineKind::kReference) {  // windows side by side
      scratch += slices * w.kernel.area() * double(input.channels) / w.groups *
                 double(node.output.pixels());
    }
  }
  return double(sizeof(float)) * (values + scratch + sums);
}

}  // namespace

void check_memory(const PackedModel& model, const ExecutorOptions& options) {
  const double bytes = memory_of(model, options);
  if (bytes <= options.most_memory) return;
  throw RunError(
      fmt::format("the model takes {:.0f} MB for a batch of {} images, and {:.0f} MB are "
                  "allowed; take smaller batches",
                  bytes / 1e6, options.batch, options.most_memory / 1e6));
}

}  // namespace bitsweep
