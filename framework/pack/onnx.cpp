#include "framework/pack/onnx.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "framework/core/error.h"
#include "framework/pack/execution_graph.h"
#include "framework/pack/integer_product.h"
#include "framework/pack/onnx_image_codes.h"
#include "framework/pack/onnx_pools.h"
#include "framework/pack/onnx_product.h"
#include "framework/pack/onnx_quantizer.h"
#include "framework/pack/onnx_writer.h"

namespace bitsweep {
namespace {

constexpr std::pair<const char*, OnnxDialect> kDialects[] = {
    {"integer", OnnxDialect::kInteger},
    {"qdq", OnnxDialect::kQdq},
    {"qonnx", OnnxDialect::kQonnx},
    {"float", OnnxDialect::kFloat}};

/// Between two operations: floats, bytes of a quantizer, or both. Images are
/// [N, C, H, W], what a linear layer gives is [N, C].
struct OnnxValue {
  ImageShape shape;
  bool is_flat = false;
  std::string floats, bytes;  // "": not there
  OnnxImageCodes image;       // of bytes with a scale for each image
};

class OnnxExport {
 public:
  OnnxExport(const PackedModel& model, OnnxDialect dialect)
      : model_(model), all_(execution_graph(model)), dialect_(dialect) {
    folded_.assign(all_.graph.nodes.size(), false);
    low_.resize(all_.graph.nodes.size());
    for (const PackedQuantizer& quantizer : model.quantizers) {
      quantizers_.emplace_back(writer_, quantizer, dialect);
    }
  }

  std::string run() {
    const ImageShape image = all_.graph.image;
    const auto images =
        writer_.input("images", {image.height, image.width, image.channels});
    values_.push_back({.shape = image,
                       .floats = writer_.node("channels_first", "Transpose", {images},
                                              {{"perm", OnnxShape{0, 3, 1, 2}}})});
    for (std::size_t i = 0; i < all_.graph.nodes.size(); ++i) {
      GraphNode& node = all_.graph.nodes[i];
      if (node.name.empty()) node.name = operation_name(node.operation);
      values_.push_back({.shape = node.output});
      add(i);
    }
    const auto logits = flat(floats(all_.last_value()), values_.back());
    writer_.output("logits", logits, {all_.graph.classes});
    return writer_.finish(model_.title);
  }

 private:
  OnnxValue& value(int index) { return values_[std::size_t(index)]; }

  // Its floats; made where only its bytes are there.
  std::string floats(int index) {
    OnnxValue& own = value(index);
    const OnnxQuantizer* const quantizer = quantizer_of(index);
    if (own.floats.empty() && quantizer != nullptr && quantizer->form().is_dynamic()) {
      own.floats = onnx_values_of(writer_, all_.graph.nodes[std::size_t(index - 1)].name,
                                  image_codes(index));
    }
    if (own.floats.empty()) {
      const auto grid = std::size_t(all_.grid_of[std::size_t(index)]);
      own.floats = quantizers_[grid].floats_of_bytes(
          all_.graph.nodes[std::size_t(index - 1)].name, own.bytes);
    }
    return own.floats;
  }
  const OnnxImageCodes& image_codes(int index) {
    OnnxValue& own = value(index);
    if (own.image.codes.empty()) {
      const GraphNode& node = all_.graph.nodes[std::size_t(index - 1)];
      own.image = onnx_image_codes(writer_, node.name, floats(node.inputs.front()),
                                   own.is_flat, quantizer_of(index)->form().is_of_batch(),
                                   quantizer_of(index)->affine());
    }
    return own.image;
  }
  std::string flat(const std::string& name, const OnnxValue& of) {
    if (of.is_flat) return name;
    return writer_.node(name + "/flat", "Flatten", {name}, {{"axis", std::int64_t(1)}});
  }
  std::string image(const std::string& name, const OnnxValue& of) {
    if (!of.is_flat) return name;
    const ImageShape& s = of.shape;
    return writer_.node(
        name + "/image", "Reshape",
        {name, writer_.int64s("shape", {-1, s.channels, s.height, s.width})});
  }

  std::string own_image(int index) { return image(floats(index), value(index)); }

  void add(std::size_t i) {
    const GraphNode& node = all_.graph.nodes[i];
    OnnxValue& to = values_[i + 1];
    const int from = node.inputs.front();
    to.is_flat = value(from).is_flat;
    const ImageShape in = value(from).shape;
    const bool in_order =
        dialect_ == OnnxDialect::kInteger || dialect_ == OnnxDialect::kQdq;
    const auto sums = in_order ? OnnxSums::kOneByOne : OnnxSums::kUsual;
    if (folded_[i]) {
      to.floats = value(from).floats;
      return;
    }
    switch (node.operation) {
      case Operation::kConvolution:
      case Operation::kLinear:
        return add_product(i, to);
      case Operation::kQuantize:
        return add_quantizer(i, to);
      case Operation::kPixelScale:
        to.floats = writer_.node(node.name + "/scaled", "Mul",
                                 {floats(from), pixel_scales(node, to.is_flat)});
        return;
      case Operation::kAffine:
        to.floats = affine(node, to, floats(from));
        return;
      case Operation::kRelu:
        to.floats = writer_.node(node.name, "Relu", {floats(from)});
        return;
      case Operation::kRelu6:
        to.floats =
            writer_.node(node.name, "Clip",
                         {floats(from), writer_.scalar(0.0f), writer_.scalar(6.0f)});
        return;
      case Operation::kHardTanh:
        to.floats =
            writer_.node(node.name, "Clip",
                         {floats(from), writer_.scalar(-1.0f), writer_.scalar(1.0f)});
        return;
      case Operation::kMaxPool:
        return add_max_pool(node, to);
      case Operation::kAveragePool:
        to.floats = onnx_average_pool(writer_, node, in, own_image(from), sums);
        break;
      case Operation::kGlobalAveragePool:
        to.floats = onnx_global_average_pool(writer_, node, in, own_image(from), sums);
        break;
      case Operation::kLrnAcross:
        to.floats = onnx_lrn_across(writer_, node, own_image(from), sums);
        break;
      case Operation::kLrnWithin:
        to.floats = onnx_lrn_within(writer_, node, own_image(from), sums);
        break;
      case Operation::kAdd:
        return add_sum(node, to);
      case Operation::kPadShortcut:
        to.floats = onnx_pad_shortcut(writer_, node, own_image(from));
        break;
      case Operation::kConcat:
        to.floats = concat(node);
        break;
    }
    to.is_flat = false;
  }

  void add_quantizer(std::size_t i, OnnxValue& to) {
    const GraphNode& node = all_.graph.nodes[i];
    const OnnxQuantizer& quantizer = quantizers_[std::size_t(all_.quantizer_of[i])];
    if (quantizer.form().is_dynamic()) return;  // made where they are read
    const auto x = floats(node.inputs.front());
    if (quantizer.gives_bytes()) {
      to.bytes = quantizer.bytes(node.name, x, low_[i]);
    } else {
      to.floats = quantizer.floats(node.name, x);
    }
  }

  std::string affine(const GraphNode& node, const OnnxValue& to, const std::string& x) {
    const auto scaled =
        writer_.node(node.name + "/scaled", "Mul",
                     {x, onnx_by_channel(writer_, node.name + "/scale",
                                         node.constants.at("scale"), to.is_flat)});
    return writer_.node(
        node.name, "Add",
        {scaled, onnx_by_channel(writer_, node.name + "/shift",
                                 node.constants.at("shift"), to.is_flat)});
  }

  void add_sum(const GraphNode& node, OnnxValue& to) {
    std::vector<std::string> terms;
    to.is_flat = value(node.inputs[0]).is_flat && value(node.inputs[1]).is_flat;
    for (const int input : node.inputs) {
      terms.push_back(to.is_flat ? floats(input) : image(floats(input), value(input)));
    }
    to.floats = writer_.node(node.name, "Add", terms);
  }

  std::string concat(const GraphNode& node) {
    std::vector<std::string> parts;
    for (const int input : node.inputs) parts.push_back(own_image(input));
    return writer_.node(node.name, "Concat", parts, {{"axis", std::int64_t(1)}});
  }

  // Pools and the like.

  // A pool works on bytes where it has them: the largest byte is that of the largest
  // value.
  void add_max_pool(const GraphNode& node, OnnxValue& to) {
    const OnnxValue& input = value(node.inputs.front());
    auto& pooled = input.bytes.empty() ? to.floats : to.bytes;
    const auto& x = input.bytes.empty() ? input.floats : input.bytes;
    pooled = onnx_max_pool(writer_, node, input.shape, image(x, input));
    to.is_flat = false;
  }

  std::string pixel_scales(const GraphNode& node, bool is_flat) {
    const int from = node.inputs[1];
    const OnnxValue& input = value(from);
    return onnx_pixel_scales(writer_, node, input.shape,
                             is_flat ? flat(floats(from), input) : own_image(from),
                             is_flat);
  }

  const OnnxQuantizer* quantizer_of(int value) const {
    const int grid = all_.grid_of[std::size_t(value)];
    return grid < 0 ? nullptr : &quantizers_[std::size_t(grid)];
  }

  // As a linear layer reads it, or a convolution.
  std::string shaped(const GraphNode& node, const std::string& name,
                     const OnnxValue& of) {
    return node.operation == Operation::kLinear ? flat(name, of) : image(name, of);
  }

  void add_product(std::size_t i, OnnxValue& to) {
    const GraphNode& node = all_.graph.nodes[i];
    const int from = node.inputs.front();
    const OnnxQuantizer* const input = quantizer_of(from);
    const NetworkTensor& weight = *model_.tensor(node.name + "/weight");
    const NetworkTensor* const bias = model_.tensor(node.name + "/bias");
    OnnxProduct product(writer_, node, value(from).shape, dialect_);
    to.is_flat = node.operation == Operation::kLinear;
    std::string reason;
    const auto codes = input != nullptr && input->gives_bytes()
                           ? integer_product(weight, &input->form(), reason)
                           : std::nullopt;
    if (codes && input->form().is_dynamic()) {
      to.floats = product_of_image_codes(product, node, *input, *codes, bias);
      return;
    }
    if (!codes) {
      const OnnxValue& own = value(from);
      const bool has_bytes = input != nullptr && !own.bytes.empty();
      const auto x = has_bytes
                         ? input->floats_for_product(node.name + "/input", own.bytes)
                         : floats(from);
      to.floats = product.from_floats(shaped(node, x, own), weight, bias);
      return;
    }
    const auto bytes = shaped(node, value(from).bytes, value(from));
    if (const auto all = requantization_of(i, *input, *codes)) {
      // Each product has a DequantizeLinear of its own, right before it.
      const auto x = input->floats_of_bytes(node.name + "/input", bytes);
      to.floats = product.requantized(x, *codes, *all);
      return fold(i, *all);
    }
    // Behind a DequantizeLinear it would be a sum of floats, in an order of its own.
    to.floats = product.from_codes(bytes, *input, *codes, bias);
  }

  std::optional<Requantization> requantization_of(std::size_t i,
                                                  const OnnxQuantizer& input,
                                                  const IntegerProduct& codes) const {
    if (dialect_ != OnnxDialect::kQdq) return std::nullopt;
    std::string reason;
    return find_requantization(Requantize::kFloat, model_, all_, i, codes, input.form(),
                               reason);
  }

  std::string product_of_image_codes(OnnxProduct& product, const GraphNode& node,
                                     const OnnxQuantizer& input,
                                     const IntegerProduct& codes,
                                     const NetworkTensor* bias) {
    const int from = node.inputs.front();
    const AffineCodes& affine = input.affine();
    if (dialect_ == OnnxDialect::kQdq && is_dynamic_quantize_linear(affine)) {
      const int before = all_.graph.nodes[std::size_t(from - 1)].inputs.front();
      return product.from_dynamic(shaped(node, floats(before), value(before)), codes,
                                  bias);
    }
    OnnxValue& own = value(from);
    if (own.bytes.empty()) {
      own.bytes =
          writer_.cast_to_bytes(all_.graph.nodes[std::size_t(from - 1)].name + "/bytes",
                                image_codes(from).codes, input.type());
    }
    const bool has_zero_point = !affine.symmetric || affine.centre != 0;
    return product.from_image_codes(shaped(node, own.bytes, own), own.image,
                                    has_zero_point, codes, bias);
  }

  // What lies between a product and its quantizer is in the product already, but for a
  // rectifier, which becomes the lowest code.
  void fold(std::size_t product, const Requantization& requantization) {
    for (std::size_t i = product; i != requantization.quantize;) {
      i = std::size_t(all_.consumers[i + 1].front());
      folded_[i] = i != requantization.quantize;
    }
    low_[requantization.quantize] = requantization.low;
  }

  const PackedModel& model_;
  ExecutionGraph all_;
  const OnnxDialect dialect_;
  std::vector<bool> folded_;                      // by node
  std::vector<std::optional<std::int32_t>> low_;  // by quantize node; none: its grid's
  OnnxWriter writer_;
  std::deque<OnnxQuantizer> quantizers_;
  std::deque<OnnxValue> values_;
};

}  // namespace

std::vector<std::string> onnx_dialect_names() {
  std::vector<std::string> names;
  for (const auto& [name, dialect] : kDialects) names.emplace_back(name);
  return names;
}

OnnxDialect onnx_dialect(std::string_view name) {
  for (const auto& [own, dialect] : kDialects) {
    if (name == own) return dialect;
  }
  throw ConfigError(fmt::format("unknown ONNX dialect '{}'; available: {}", name,
                                fmt::join(onnx_dialect_names(), ", ")));
}

std::string onnx_bytes(const PackedModel& model, OnnxDialect dialect) {
  return OnnxExport(model, dialect).run();
}

}  // namespace bitsweep
