#include "framework/pack/onnx_quantizer.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <optional>

#include <fmt/format.h>

#include "framework/core/error.h"

namespace bitsweep {
namespace {

constexpr std::size_t kMostThresholds = 65535;

std::vector<float> levels_of(const Grid& grid) {
  std::vector<float> levels;
  for (std::int32_t code = grid.low_code(); code <= grid.high_code(); ++code) {
    levels.push_back(grid.value(code, 0));
  }
  return levels;
}

}  // namespace

std::optional<QuantWidth> quant_width(const UniformGrid& grid) {
  for (int bits = 1; bits <= 24; ++bits) {
    for (const int is_signed : {0, 1}) {
      for (const int is_narrow : {0, 1}) {
        const int half = 1 << (bits - 1);
        const int least = -is_signed * (half - is_narrow);
        const int most = (is_signed ? half : 2 * half) - 1 - is_narrow * (1 - is_signed);
        if (least == grid.low && most == grid.high) return {{bits, is_signed, is_narrow}};
      }
    }
  }
  return std::nullopt;
}

std::string onnx_quant(OnnxWriter& writer, const std::string& name, QuantWidth width,
                       std::vector<std::string> inputs) {
  writer.define_quant();
  inputs.push_back(writer.scalar(float(width.bits)));
  return writer.node(name, "Quant", inputs,
                     {{"signed", std::int64_t(width.is_signed)},
                      {"narrow", std::int64_t(width.is_narrow)},
                      {"rounding_mode", std::string("ROUND")}},
                     kQuantDomain);
}

OnnxQuantizer::OnnxQuantizer(OnnxWriter& writer, const PackedQuantizer& quantizer,
                             OnnxDialect dialect)
    : writer_(writer),
      quantizer_(quantizer),
      dialect_(dialect),
      form_(quantizer),
      gives_bytes_(form_.has_bytes() &&
                   (dialect == OnnxDialect::kInteger || dialect == OnnxDialect::kQdq)),
      type_(form_.input().is_signed ? OnnxBytes::kInt8 : OnnxBytes::kUint8),
      zero_point_(form_.input().zero_point) {
  // ONNX Runtime fuses products whose bytes, before and behind, are of one type.
  constexpr int kMiddle = 128;
  if (dialect != OnnxDialect::kQdq || type_ == OnnxBytes::kUint8) return;
  if (form_.is_dynamic()) return;
  type_ = OnnxBytes::kUint8;
  zero_point_ += kMiddle;
}

// Half to even, in any order.
bool OnnxQuantizer::is_round() const {
  const CodeRule& rule = quantizer_.rule;
  return rule.kind == CodeRule::Kind::kUniform && rule.rounding == Rounding::kHalfEven;
}

bool OnnxQuantizer::is_linear() const {
  return is_round() && !quantizer_.rule.of_magnitude && gives_bytes_ &&
         (quantizer_.rule.order == CodeOrder::kOnnx ||
          (quantizer_.rule.order == CodeOrder::kTensorflow &&
           quantizer_.grid.uniform()->zero_point.front() == 0));
}

// Of round rules: the code, as a float.
std::string OnnxQuantizer::code(const std::string& name, const std::string& x) const {
  const UniformGrid& grid = *quantizer_.grid.uniform();
  const CodeOrder order = quantizer_.rule.order;
  const float scale = grid.scale.front();
  std::string y =
      order == CodeOrder::kPytorch
          ? writer_.node(name + "/steps", "Mul", {x, writer_.scalar(1.0f / scale)})
          : writer_.node(name + "/steps", "Div", {x, writer_.scalar(scale)});
  const auto shift = [&] {
    if (grid.zero_point.front() == 0) return;
    y = writer_.node(name + "/shifted", "Add",
                     {y, writer_.scalar(grid.zero_point.front())});
  };
  const bool rounds_first = order != CodeOrder::kTensorflow;
  if (!rounds_first) shift();
  y = writer_.node(name + "/rounded", "Round", {y});
  if (rounds_first) shift();
  return writer_.node(
      name + "/code", "Clip",
      {y, writer_.scalar(float(grid.low)), writer_.scalar(float(grid.high))});
}

// How many thresholds are not above x, by bisection: one comparison a bit.
std::string OnnxQuantizer::code_index(const std::string& name,
                                      const std::string& x) const {
  auto thresholds = thresholds_of(quantizer_.rule, quantizer_.grid);
  const std::size_t size = std::bit_ceil(std::max<std::size_t>(thresholds.size() + 1, 2));
  thresholds.resize(size - 1, std::numeric_limits<float>::infinity());
  std::string index;
  std::string table;
  for (std::size_t step = size / 2; step > 0; step /= 2) {
    std::string at;
    if (index.empty()) {
      at = writer_.scalar(thresholds[step - 1]);
    } else {
      if (table.empty()) {
        table = writer_.floats(name + "/thresholds", {std::int64_t(thresholds.size())},
                               thresholds);
      }
      const auto next = writer_.node(name + "/place", "Add",
                                     {index, writer_.scalar_int32(int(step) - 1)});
      at = writer_.node(name + "/threshold", "Gather", {table, next});
    }
    auto more = writer_.cast_to_int32(
        name + "/above", writer_.node(name + "/reached", "GreaterOrEqual", {x, at}));
    if (step > 1) {
      more = writer_.node(name + "/part", "Mul", {more, writer_.scalar_int32(int(step))});
    }
    index = index.empty() ? more : writer_.node(name + "/index", "Add", {index, more});
  }
  return index;
}

std::string OnnxQuantizer::bytes(const std::string& name, const std::string& x,
                                 std::optional<std::int32_t> lowest) const {
  const UniformGrid* const uniform = quantizer_.grid.uniform();
  if (is_linear()) {
    const auto y = writer_.node(name + "/quantized", "QuantizeLinear",
                                {x, writer_.scalar(uniform->scale.front()),
                                 writer_.scalar_byte(type(), zero_point())});
    const bool is_signed = type() == OnnxBytes::kInt8;
    const int of_code = zero_point() - int(uniform->zero_point.front());
    const int low = lowest.value_or(uniform->low) + of_code,
              high = uniform->high + of_code;
    if (low == (is_signed ? -128 : 0) && high == (is_signed ? 127 : 255)) return y;
    return writer_.node(
        name + "/clipped", "Clip",
        {y, writer_.scalar_byte(type(), low), writer_.scalar_byte(type(), high)});
  }
  const IntegerForm& integers = *form_.integers();
  const auto from =
      quantizer_.rule.of_magnitude ? writer_.node(name + "/magnitude", "Abs", {x}) : x;
  if (is_round() && integers.integers.size() > 1) {
    // integer = parts * code + rest
    const int parts = integers.integers[1] - integers.integers[0];
    const int rest = integers.least() - parts * uniform->low + zero_point();
    std::string y = code(name, from);
    if (parts != 1) {
      y = writer_.node(name + "/parts", "Mul", {y, writer_.scalar(float(parts))});
    }
    if (rest != 0) {
      y = writer_.node(name + "/centred", "Add", {y, writer_.scalar(float(rest))});
    }
    return writer_.cast_to_bytes(name + "/quantized", y, type());
  }
  std::vector<std::uint8_t> table;
  for (const auto integer : integers.integers) {
    table.push_back(std::uint8_t(integer + zero_point()));
  }
  const auto all =
      writer_.bytes(name + "/integers", {std::int64_t(table.size())}, type(), table);
  return writer_.node(name + "/quantized", "Gather", {all, code_index(name, from)});
}

// Whether its levels are integers times one step, to the last bit.
bool OnnxQuantizer::are_multiples() const {
  const auto levels = levels_of(quantizer_.grid);
  const auto& integers = form_.integers()->integers;
  const auto unit = float(form_.unit());
  return std::equal(
      levels.begin(), levels.end(), integers.begin(),
      [unit](float level, int integer) { return unit * float(integer) == level; });
}

std::string OnnxQuantizer::floats_of_bytes(const std::string& name,
                                           const std::string& bytes) const {
  if (!are_multiples()) return looked_up(name, bytes);
  return writer_.node(name + "/values", "DequantizeLinear",
                      {bytes, writer_.scalar(float(form_.unit())),
                       writer_.scalar_byte(type(), zero_point())});
}

std::string OnnxQuantizer::floats_for_product(const std::string& name,
                                              const std::string& bytes) const {
  if (!are_multiples()) return looked_up(name, bytes);
  std::string y = writer_.cast_to_float(name + "/bytes", bytes);
  if (zero_point() != 0) {
    y = writer_.node(name + "/integers", "Sub", {y, writer_.scalar(float(zero_point()))});
  }
  return writer_.node(name + "/values", "Mul", {y, writer_.scalar(float(form_.unit()))});
}

// Levels that are multiples of one step but for their own rounding.
std::string OnnxQuantizer::looked_up(const std::string& name,
                                     const std::string& bytes) const {
  const auto levels = levels_of(quantizer_.grid);
  const auto& integers = form_.integers()->integers;
  std::vector<float> table(std::size_t(integers.back() - integers.front()) + 1);
  for (std::size_t i = 0; i < levels.size(); ++i) {
    table[std::size_t(integers[i] - integers.front())] = levels[i];
  }
  const auto place =
      writer_.node(name + "/place", "Sub",
                   {writer_.cast_to_int32(name + "/integer", bytes),
                    writer_.scalar_int32(integers.front() + zero_point())});
  return writer_.node(
      name + "/values", "Gather",
      {writer_.floats(name + "/levels", {std::int64_t(table.size())}, table), place});
}

std::string OnnxQuantizer::floats(const std::string& name, const std::string& x) const {
  if (gives_bytes_) return floats_of_bytes(name, bytes(name, x));
  const auto from =
      quantizer_.rule.of_magnitude ? writer_.node(name + "/magnitude", "Abs", {x}) : x;
  if (is_round()) {
    const UniformGrid& grid = *quantizer_.grid.uniform();
    const bool is_quant =
        dialect_ == OnnxDialect::kQonnx &&
        (quantizer_.rule.order == CodeOrder::kTensorflow || grid.zero_point.front() == 0);
    const auto width = is_quant ? quant_width(grid) : std::nullopt;
    if (width) {
      return onnx_quant(writer_, name, *width,
                        {from, writer_.scalar(grid.scale.front()),
                         writer_.scalar(grid.zero_point.front())});
    }
    auto y = code(name, from);
    if (grid.zero_point.front() != 0) {
      y = writer_.node(name + "/centred", "Sub",
                       {y, writer_.scalar(grid.zero_point.front())});
    }
    return writer_.node(name + "/values", "Mul", {y, writer_.scalar(grid.scale.front())});
  }
  const std::size_t thresholds = quantizer_.grid.level_count() - 1;
  if (thresholds > kMostThresholds) {
    throw RunError(fmt::format(
        "{}: its {} codes begin at thresholds of their own; an ONNX file can hold up to "
        "{}",
        name, thresholds + 1, kMostThresholds + 1));
  }
  const auto levels = levels_of(quantizer_.grid);
  const auto table =
      writer_.floats(name + "/levels", {std::int64_t(levels.size())}, levels);
  return writer_.node(name + "/values", "Gather", {table, code_index(name, from)});
}

}  // namespace bitsweep
