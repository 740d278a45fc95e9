#include "framework/pack/model.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "framework/core/error.h"

namespace bitsweep {
namespace {

// Repeated with `period`.
bool repeats(std::span<const float> values, std::size_t period) {
  for (std::size_t i = period; i < values.size(); ++i) {
    if (values[i] != values[i - period]) return false;
  }
  return true;
}

std::vector<float> shortest(std::span<const float> values, std::size_t channels) {
  for (const std::size_t period : {std::size_t(1), channels}) {
    if (repeats(values, period)) return {values.begin(), values.begin() + period};
  }
  return {values.begin(), values.end()};
}

std::vector<float> repeated(const std::vector<float>& values, std::size_t size) {
  std::vector<float> all(size);
  for (std::size_t i = 0; i < size; ++i) all[i] = values[i % values.size()];
  return all;
}

// How a node's output follows from its inputs, or why it does not.
class GraphChecker {
 public:
  explicit GraphChecker(const Graph& graph) : graph_(graph) {}

  void check() const {
    if (graph_.nodes.empty()) refuse("has no nodes");
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) check_node(i);
    const auto outputs = graph_.nodes.back().output.elements();
    if (outputs != std::size_t(graph_.classes)) {
      refuse(fmt::format("gives {} values for {} classes", outputs, graph_.classes));
    }
  }

 private:
  [[noreturn]] static void refuse(const std::string& why) {
    throw DataError("the network's graph " + why);
  }

  void check_node(std::size_t index) const {
    const GraphNode& node = graph_.nodes[index];
    const auto bad = [&](const char* what) {
      refuse(fmt::format("has, as node {}, one of {}, {}", index,
                         operation_name(node.operation), what));
    };
    const bool two =
        node.operation == Operation::kAdd || node.operation == Operation::kPixelScale;
    const bool has_inputs = node.operation == Operation::kConcat
                                ? node.inputs.size() >= 2
                                : node.inputs.size() == (two ? 2u : 1u);
    if (!has_inputs) bad("with a wrong number of inputs");
    for (const int input : node.inputs) {
      if (input < 0 || std::size_t(input) > index) bad("that reads a later value");
    }
    const Window& w = node.window;
    constexpr int kMost = 4096;
    if (w.kernel.least() < 1 || w.stride.least() < 1 || w.pad.least() < 0 ||
        w.groups < 1 || w.kernel.most() > kMost || w.stride.most() > kMost ||
        w.pad.most() > kMost || node.zero_channels < 0 || node.zero_channels > kMost) {
      bad("with an impossible window");
    }
    if (node.operation == Operation::kConcat) return check_concat(node, bad);
    if (!shape_follows(node, graph_.shape_of(node.inputs.front()))) {
      bad("whose output does not follow from its input");
    }
    if (node.operation == Operation::kAdd &&
        graph_.shape_of(node.inputs.back()) != node.output) {
      bad("of two shapes");
    }
    if (node.operation == Operation::kPixelScale) {
      const auto g = pixel_scale_geometry(node, graph_.shape_of(node.inputs.back()));
      if (!fits(g.input.height, g.output.height, down(w)) ||
          !fits(g.input.width, g.output.width, along(w))) {
        bad("whose windows do not follow from its second input");
      }
    }
    if (is_product(node)) check_work(node, index);
    if (node.operation != Operation::kAffine) return;
    const auto channels = std::size_t(node.output.channels);
    for (const char* name : {"scale", "shift"}) {
      const auto found = node.constants.find(name);
      if (found == node.constants.end() || found->second.size() != channels) {
        bad("without one constant a channel");
      }
    }
  }

  template <class Bad>
  void check_concat(const GraphNode& node, Bad bad) const {
    std::int64_t channels = 0;
    for (const int input : node.inputs) {
      const ImageShape part = graph_.shape_of(input);
      channels += part.channels;
      if (part.height != node.output.height || part.width != node.output.width) {
        bad("of images of several sizes");
      }
    }
    if (channels != node.output.channels) bad("whose channels do not add up");
  }

  // Weights and multiply-accumulates that can be counted, and made in a lifetime.
  void check_work(const GraphNode& node, std::size_t index) const {
    constexpr double kMost = double(std::int64_t{1} << 40);
    double count = double(node.output.pixels());
    for (const auto extent : weight_shape(node, graph_.shape_of(node.inputs.front()))) {
      count *= double(extent);
    }
    if (count <= kMost) return;
    refuse(
        fmt::format("has, as node {}, one of {}, of {:.0f} multiply-accumulates; "
                    "expected at most {:.0f}",
                    index, operation_name(node.operation), count, kMost));
  }

  static bool fits(int input, int output, const WindowSide& side) {
    return side.kernel <= input + side.before + side.after && output == side.count(input);
  }
  // Windows of pools may end beyond the border (Caffe's way).
  static bool pool_fits(int input, int output, const WindowSide& side) {
    const int whole = side.count(input);
    return side.kernel <= 16 && side.before < side.kernel && side.after < side.kernel &&
           side.kernel <= input + side.before + side.after &&
           (output == whole || output == whole + 1) && side.start(output - 1) < input;
  }

  static bool shape_follows(const GraphNode& node, ImageShape in) {
    const ImageShape& out = node.output;
    const Window& w = node.window;
    if (out.height < 1 || out.width < 1 || out.channels < 1) return false;
    switch (node.operation) {
      case Operation::kConvolution:
        return in.channels % w.groups == 0 && out.channels % w.groups == 0 &&
               fits(in.height, out.height, down(w)) &&
               fits(in.width, out.width, along(w));
      case Operation::kLinear:
        return out.height == 1 && out.width == 1;
      case Operation::kMaxPool:
      case Operation::kAveragePool:
        return in.channels == out.channels && pool_fits(in.height, out.height, down(w)) &&
               pool_fits(in.width, out.width, along(w));
      case Operation::kGlobalAveragePool:
        return out == ImageShape{1, 1, in.channels};
      case Operation::kPadShortcut:
        return in.channels + 2 * node.zero_channels == out.channels &&
               std::int64_t(out.height - 1) * w.stride.height < in.height &&
               std::int64_t(out.width - 1) * w.stride.width < in.width;
      default:
        return in == out;
    }
  }

  const Graph& graph_;
};

BoundSite& site_named(Network& network, const std::string& name) {
  for (BoundSite* bound : network.sites()) {
    if (bound->site.name == name) return *bound;
  }
  throw RunError(name + ": the network has no such site");
}

}  // namespace

const NetworkTensor* PackedModel::tensor(const std::string& name) const {
  const auto found = std::find_if(tensors.begin(), tensors.end(),
                                  [&](const auto& t) { return t.name == name; });
  return found == tensors.end() ? nullptr : &*found;
}

bool depends_on_batch(const PackedModel& model) {
  return std::any_of(model.quantizers.begin(), model.quantizers.end(), [](const auto& q) {
    return q.rule.kind == CodeRule::Kind::kOfBatch;
  });
}

bool is_product(const GraphNode& node) {
  return node.operation == Operation::kConvolution ||
         node.operation == Operation::kLinear;
}

std::vector<std::int64_t> weight_shape(const GraphNode& product, ImageShape input) {
  const std::int64_t filters = product.output.channels;
  const Sides kernel = product.window.kernel;
  if (product.operation == Operation::kLinear) {
    return {filters, std::int64_t(input.elements())};
  }
  return {filters, kernel.height, kernel.width, input.channels / product.window.groups};
}

ConvolutionGeometry pixel_scale_geometry(const GraphNode& node, ImageShape input) {
  const bool is_linear =
      node.output.pixels() == 1 && node.window.kernel == 1 && input.pixels() > 1;
  if (is_linear) input = {1, 1, int(input.elements())};
  return {.input = input,
          .output = node.output,
          .kernel = node.window.kernel,
          .stride = node.window.stride,
          .pad = node.window.pad};
}

void check_graph(const Graph& graph) { GraphChecker(graph).check(); }

PackedModel pack_model(Network& network, const Preprocessing& preprocessing,
                       std::string title, std::string dataset) {
  const auto channels = std::size_t(preprocessing.shape().channels);
  PackedModel model{
      .title = std::move(title),
      .dataset = std::move(dataset),
      .preprocessing = {shortest(preprocessing.factor(), channels),
                        shortest(preprocessing.offset(), channels)},
      .graph = network.graph(),
  };
  std::map<std::string, NetworkTensor> tensors;
  for (NetworkTensor& tensor : encoded_tensors(network)) {
    tensors[tensor.name] = std::move(tensor);
  }
  for (const GraphNode& node : model.graph.nodes) {
    if (node.operation == Operation::kQuantize) {
      const BoundSite& bound = site_named(network, node.name);
      at_site(bound, [&] {
        Grid grid = bound.quantizer->grid();
        CodeRule rule = find_code_rule(*bound.quantizer);
        if (rule.is_dynamic()) {
          grid = UniformGrid{.low = grid.low_code(), .high = grid.high_code()};
        }
        model.quantizers.push_back({std::move(grid), std::move(rule)});
      });
    }
    if (!is_product(node)) continue;
    for (const char* part : {"/weight", "/bias"}) {
      const auto found = tensors.find(node.name + part);
      if (found != tensors.end()) model.tensors.push_back(std::move(found->second));
    }
  }
  return model;
}

Preprocessing preprocessing_of(const PackedModel& model) {
  const std::size_t elements = model.graph.image.elements();
  return {model.graph.image, repeated(model.preprocessing.factor, elements),
          repeated(model.preprocessing.offset, elements)};
}

}  // namespace bitsweep
