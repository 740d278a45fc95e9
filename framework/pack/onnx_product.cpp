#include "framework/pack/onnx_product.h"

#include <algorithm>
#include <utility>

namespace bitsweep {
namespace {

bool are_equal(const std::vector<float>& values) {
  return std::all_of(values.begin(), values.end(),
                     [&](float v) { return v == values.front(); });
}

// One code book or zero point, with one scale a filter at most.
bool is_one_grid(const NetworkTensor& weight) {
  if (!weight.encoded) return false;
  const Grid& grid = weight.encoded->grid;
  if (grid.level_count() > 256 || !is_by_filter(weight)) return false;
  if (grid.levels() != nullptr) {
    return grid.levels()->books == 1 && grid.dimension() == 1;
  }
  return are_equal(grid.uniform()->zero_point);
}

}  // namespace

std::string onnx_by_channel(OnnxWriter& writer, const std::string& name,
                            const std::vector<float>& values, bool is_flat) {
  if (are_equal(values)) return writer.scalar(values.front());
  const auto channels = std::int64_t(values.size());
  return writer.floats(name, is_flat ? OnnxShape{channels} : OnnxShape{channels, 1, 1},
                       values);
}

OnnxProduct::OnnxProduct(OnnxWriter& writer, const GraphNode& node, ImageShape input,
                         OnnxDialect dialect)
    : writer_(writer),
      node_(node),
      dialect_(dialect),
      input_(input),
      is_linear_(node.operation == Operation::kLinear),
      filters_(std::size_t(node.output.channels)),
      height_(std::size_t(is_linear_ ? input.height : node.window.kernel.height)),
      width_(std::size_t(is_linear_ ? input.width : node.window.kernel.width)),
      channels_(std::size_t(input.channels / node.window.groups)) {}

template <class Value>
std::vector<Value> OnnxProduct::in_file_order(const std::vector<Value>& from) const {
  std::vector<Value> to(from.size());
  const std::size_t inputs = height_ * width_ * channels_;
  for (std::size_t f = 0; f < filters_; ++f) {
    std::size_t i = 0;
    for (std::size_t c = 0; c < channels_; ++c) {
      for (std::size_t h = 0; h < height_; ++h) {
        for (std::size_t w = 0; w < width_; ++w, ++i) {
          to[is_linear_ ? i * filters_ + f : f * inputs + i] =
              from[((f * height_ + h) * width_ + w) * channels_ + c];
        }
      }
    }
  }
  return to;
}

OnnxShape OnnxProduct::shape_in_file() const {
  const auto filters = std::int64_t(filters_);
  if (is_linear_) return {std::int64_t(height_ * width_ * channels_), filters};
  return {filters, std::int64_t(channels_), std::int64_t(height_), std::int64_t(width_)};
}

OnnxAttributes OnnxProduct::window() const {
  const Window& w = node_.window;
  return {{"kernel_shape", onnx_sides(w.kernel)},
          {"strides", onnx_sides(w.stride)},
          {"pads", onnx_pads(w.pad)},
          {"group", std::int64_t(w.groups)}};
}

std::string OnnxProduct::with_bias(const std::string& y, const NetworkTensor* bias) {
  if (bias == nullptr) return y;
  return writer_.node(
      node_.name, "Add",
      {y, onnx_by_channel(writer_, node_.name + "/bias", values_of(*bias), is_linear_)});
}

std::string OnnxProduct::product_of(const std::string& x, const std::string& weights) {
  const std::string name = node_.name + "/values";
  return is_linear_ ? writer_.node(name, "MatMul", {x, weights})
                    : writer_.node(name, "Conv", {x, weights}, window());
}

std::string OnnxProduct::stored(const std::vector<std::int8_t>& weights) {
  const std::vector<std::uint8_t> bytes(weights.begin(), weights.end());
  return writer_.packed_bytes(node_.name + "/weight", shape_in_file(), OnnxBytes::kInt8,
                              in_file_order(bytes));
}

std::string OnnxProduct::sums_of(const std::vector<std::string>& inputs) {
  const std::string name = node_.name + "/sums";
  return is_linear_ ? writer_.node(name, "MatMulInteger", inputs)
                    : writer_.node(name, "ConvInteger", inputs, window());
}

// What an image of ones gives, the border left out: [filters, height, width], or
// [filters] of a linear layer.
std::string OnnxProduct::sums_of_ones(const std::vector<std::int8_t>& weights) {
  const Window& w = node_.window;
  const int height = is_linear_ ? 1 : node_.output.height;
  const int width = is_linear_ ? 1 : node_.output.width;
  std::vector<std::int32_t> sums;
  for (std::size_t f = 0; f < filters_; ++f) {
    for (int row = 0; row < height; ++row) {
      for (int column = 0; column < width; ++column) {
        std::int32_t sum = 0;
        for (std::size_t i = 0; i < height_ * width_ * channels_; ++i) {
          const int y = down(w).start(row) + int(i / channels_ / width_);
          const int x = along(w).start(column) + int(i / channels_ % width_);
          const bool is_inside =
              0 <= y && y < input_.height && 0 <= x && x < input_.width;
          if (is_linear_ || is_inside) {
            sum += weights[f * height_ * width_ * channels_ + i];
          }
        }
        sums.push_back(sum);
      }
    }
  }
  const auto filters = std::int64_t(filters_);
  return writer_.int32s(
      node_.name + "/sums_of_ones",
      is_linear_ ? OnnxShape{filters} : OnnxShape{filters, height, width}, sums);
}

// float(sums) * (factors * scale) + bias
std::string OnnxProduct::scaled(const std::string& sums, const std::string& scale,
                                const IntegerProduct& product,
                                const NetworkTensor* bias) {
  const auto factor = writer_.node(
      node_.name + "/factors", "Mul",
      {onnx_by_channel(writer_, node_.name + "/factor", product.factors, is_linear_),
       scale});
  const auto values =
      writer_.node(node_.name + "/values", "Mul",
                   {writer_.cast_to_float(node_.name + "/float_sums", sums), factor});
  return with_bias(values, bias);
}

std::string OnnxProduct::from_image_codes(const std::string& bytes,
                                          const OnnxImageCodes& image,
                                          bool has_zero_point,
                                          const IntegerProduct& product,
                                          const NetworkTensor* bias) {
  auto sums = sums_of({bytes, stored(product.weights)});
  if (has_zero_point) {
    // A linear layer's input may have been an image.
    const auto zero =
        is_linear_ ? writer_.node(node_.name + "/zero", "Reshape",
                                  {image.zero_point, writer_.int64s("column", {-1, 1})})
                   : image.zero_point;
    const auto shift = writer_.node(node_.name + "/shift", "Mul",
                                    {writer_.cast_to_int32(node_.name + "/zero", zero),
                                     sums_of_ones(product.weights)});
    sums = writer_.node(node_.name + "/centred", "Sub", {sums, shift});
  }
  const auto scale = is_linear_
                         ? writer_.node(node_.name + "/scale", "Reshape",
                                        {image.scale, writer_.int64s("column", {-1, 1})})
                         : image.scale;
  return scaled(sums, scale, product, bias);
}

std::string OnnxProduct::from_dynamic(const std::string& x, const IntegerProduct& product,
                                      const NetworkTensor* bias) {
  const auto made = writer_.node_of(node_.name + "/input", "DynamicQuantizeLinear", {x},
                                    {"codes", "scale", "zero_point"});
  return scaled(sums_of({made[0], stored(product.weights), made[2]}), made[1], product,
                bias);
}

std::string OnnxProduct::from_codes(const std::string& x, const OnnxQuantizer& input,
                                    const IntegerProduct& product,
                                    const NetworkTensor* bias) {
  std::vector<std::string> inputs = {x, stored(product.weights)};
  if (input.zero_point() != 0) {
    inputs.push_back(writer_.scalar_byte(input.type(), input.zero_point()));
  }
  auto sums = sums_of(inputs);
  if (is_start(bias, product)) {
    sums = with_start(sums, *std::exchange(bias, nullptr));
  }
  const auto values = writer_.node(
      node_.name + "/values", "Mul",
      {writer_.cast_to_float(node_.name + "/float_sums", sums),
       onnx_by_channel(writer_, node_.name + "/factor", product.factors, is_linear_)});
  return with_bias(values, bias);
}

// With zero points of its own: ONNX Runtime adds those that are missing, in a shape that
// it then refuses, and makes constants named after those that are there.
std::string OnnxProduct::dequantized(const std::vector<std::int8_t>& weights,
                                     const std::vector<float>& units) {
  const std::string name = node_.name + "/weight_values";
  const auto codes = stored(weights);
  if (are_equal(units)) {
    return writer_.node(
        name, "DequantizeLinear",
        {codes, writer_.floats(node_.name + "/step", {}, {units.front()}),
         writer_.bytes(node_.name + "/zero_point", {}, OnnxBytes::kInt8, {0})});
  }
  const auto filters = std::int64_t(filters_);
  return writer_.node(
      name, "DequantizeLinear",
      {codes, writer_.floats(node_.name + "/step", {filters}, units),
       writer_.bytes(node_.name + "/zero_point", {filters}, OnnxBytes::kInt8,
                     std::vector<std::uint8_t>(filters_))},
      {{"axis", std::int64_t(is_linear_)}});
}

std::string OnnxProduct::dequantized_bias(const std::vector<std::int32_t>& codes,
                                          const std::vector<float>& scales) {
  const auto filters = std::int64_t(filters_);
  return writer_.node(node_.name + "/bias_values", "DequantizeLinear",
                      {writer_.int32s(node_.name + "/bias", {filters}, codes),
                       writer_.floats(node_.name + "/bias_step", {filters}, scales)},
                      {{"axis", std::int64_t(0)}});
}

// On integers.
std::string OnnxProduct::with_start(const std::string& sums, const NetworkTensor& bias) {
  const auto filters = std::int64_t(filters_);
  const auto start = writer_.int32s(
      node_.name + "/bias", is_linear_ ? OnnxShape{filters} : OnnxShape{filters, 1, 1},
      bias.encoded->codes);
  return writer_.node(node_.name + "/started", "Add", {sums, start});
}

std::string OnnxProduct::requantized(const std::string& x, const IntegerProduct& product,
                                     const Requantization& r) {
  auto weights = product.weights;
  const std::size_t size = weights.size() / filters_;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (r.sign[i / size] < 0) weights[i] = std::int8_t(-weights[i]);
  }
  const auto w = dequantized(weights, r.weight_scale);
  const auto bias = dequantized_bias(r.bias, r.sum_scale);
  return is_linear_ ? writer_.node(node_.name, "Gemm", {x, w, bias})
                    : writer_.node(node_.name, "Conv", {x, w, bias}, window());
}

std::string OnnxProduct::from_floats(const std::string& x, const NetworkTensor& weight,
                                     const NetworkTensor* bias) {
  return with_bias(product_of(x, float_weights(weight)), bias);
}

// As codes that look up their levels, where they lie on one grid; else as floats.
std::string OnnxProduct::float_weights(const NetworkTensor& weight) {
  const bool in_floats =
      dialect_ == OnnxDialect::kFloat || dialect_ == OnnxDialect::kQonnx;
  if (!in_floats && is_one_grid(weight)) return looked_up(weight);
  const auto values = writer_.floats(node_.name + "/weight", shape_in_file(),
                                     in_file_order(values_of(weight)));
  return dialect_ == OnnxDialect::kQonnx ? quant(weight, values) : values;
}

std::string OnnxProduct::looked_up(const NetworkTensor& weight) {
  const std::string name = node_.name + "/weight";
  const Grid& grid = weight.encoded->grid;
  std::vector<std::uint8_t> codes;
  for (const auto code : weight.encoded->codes) {
    codes.push_back(std::uint8_t(code - grid.low_code()));
  }
  std::vector<float> levels;
  for (std::int32_t code = grid.low_code(); code <= grid.high_code(); ++code) {
    levels.push_back(grid.levels() != nullptr
                         ? grid.levels()->levels[std::size_t(code)]
                         : float(code) - grid.uniform()->zero_point.front());
  }
  const auto places = writer_.cast_to_int32(
      name + "/places", writer_.packed_bytes(name, shape_in_file(), OnnxBytes::kUint8,
                                             in_file_order(codes)));
  const auto table =
      writer_.floats(name + "/levels", {std::int64_t(levels.size())}, levels);
  const auto found = writer_.node(name + "/looked_up", "Gather", {table, places});
  return writer_.node(name + "/values", "Mul", {found, scales(grid)});
}

// In the shape that multiplies weights.
std::string OnnxProduct::scales(const Grid& grid) {
  if (grid.scales().size() == 1) return writer_.scalar(grid.scales().front());
  const auto filters = std::int64_t(filters_);
  return writer_.floats(node_.name + "/weight/scale",
                        is_linear_ ? OnnxShape{filters} : OnnxShape{filters, 1, 1, 1},
                        grid.scales());
}

// Says their width of weights that lie on their grid already.
std::string OnnxProduct::quant(const NetworkTensor& weight, const std::string& values) {
  if (!is_one_grid(weight)) return values;
  const Grid& grid = weight.encoded->grid;
  const auto width =
      grid.uniform() == nullptr ? std::nullopt : quant_width(*grid.uniform());
  if (!width) return values;
  return onnx_quant(
      writer_, node_.name + "/quantized_weight", *width,
      {values, scales(grid), writer_.scalar(grid.uniform()->zero_point.front())});
}

}  // namespace bitsweep
