#include "framework/pack/requantization.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "framework/core/error.h"

namespace bitsweep {
namespace {

constexpr float kMostFactor = 1.0f / 16;

// What stands between a product and the quantizer of its values.
struct Chain {
  std::vector<const GraphNode*> affines;
  bool rectifies = false;
  std::size_t quantize = 0;
};

std::optional<Chain> chain_behind(const ExecutionGraph& all, std::size_t index,
                                  std::string& reason) {
  Chain chain;
  for (std::size_t value = index + 1;;) {
    const auto& readers = all.consumers[value];
    if (readers.size() != 1) {
      reason =
          readers.empty() ? "its values are the logits" : "its values are read twice";
      return std::nullopt;
    }
    const auto next = std::size_t(readers.front());
    const GraphNode& node = all.graph.nodes[next];
    const bool scales_rectified = node.operation == Operation::kAffine && chain.rectifies;
    if (node.operation == Operation::kQuantize) {
      chain.quantize = next;
      return chain;
    }
    if (node.operation == Operation::kAffine && !scales_rectified) {
      chain.affines.push_back(&node);
    } else if (node.operation == Operation::kRelu) {
      chain.rectifies = true;
    } else {
      reason =
          fmt::format("{} comes before its quantizer{}", operation_name(node.operation),
                      scales_rectified ? ", behind a rectifier" : "");
      return std::nullopt;
    }
    value = next + 1;
  }
}

bool is_plain(const PackedQuantizer& quantizer, Requantize how) {
  const UniformGrid* const grid = quantizer.grid.uniform();
  if (grid == nullptr) return false;
  const float zero_point = grid->zero_point.front();
  const bool is_whole =
      zero_point == std::rint(zero_point) && std::fabs(zero_point) <= 255;
  // The rounding is gemmlowp's own; any to the nearest finds its codes in their values.
  // A zero point, if any, that is added behind the rounding, as QLinearConv does it.
  const CodeOrder order = quantizer.rule.order;
  const bool is_behind =
      order == CodeOrder::kOnnx || (order == CodeOrder::kTensorflow && zero_point == 0);
  const bool fits =
      is_whole && (how == Requantize::kFixedPoint
                       ? quantizer.rule.rounding != Rounding::kFloor
                       : is_behind && quantizer.rule.rounding == Rounding::kHalfEven);
  return fits && quantizer.rule.kind == CodeRule::Kind::kUniform &&
         !quantizer.rule.of_magnitude && CodeForm(quantizer).has_bytes();
}

// Codes of 32 bits have more digits than the floats they stand for.
std::vector<double> exact_values_of(const NetworkTensor& bias) {
  const auto values = values_of(bias);
  std::vector<double> exact(values.begin(), values.end());
  if (!bias.encoded || bias.encoded->grid.uniform() == nullptr ||
      bias.encoded->grid.uniform()->sum_bits == 0) {
    return exact;
  }
  const auto& scales = bias.encoded->grid.scales();
  for (std::size_t f = 0; f < exact.size(); ++f) {
    exact[f] = double(bias.encoded->codes[f]) * scales[f % scales.size()];
  }
  return exact;
}

}  // namespace

Requantize requantize_named(std::string_view word) {
  if (word == "float") return Requantize::kFloat;
  if (word == "gemmlowp") return Requantize::kFixedPoint;
  throw ConfigError(fmt::format("'{}' is not allowed (float, gemmlowp)", word));
}

std::optional<Requantization> find_requantization(
    Requantize how, const PackedModel& model, const ExecutionGraph& all,
    std::size_t index, const IntegerProduct& product, const CodeForm& input,
    std::string& reason) {
  const auto no = [&](const char* why) {
    reason = why;
    return std::nullopt;
  };
  const auto chain = chain_behind(all, index, reason);
  if (!chain) return std::nullopt;
  if (input.is_dynamic()) return no("the range of its inputs is found at run time");
  const auto& quantizer =
      model.quantizers[std::size_t(all.quantizer_of[chain->quantize])];
  if (!is_plain(quantizer, how)) return no("its quantizer has another grid or rounding");

  const UniformGrid& grid = *quantizer.grid.uniform();
  const auto zero_point = std::int32_t(grid.zero_point.front());
  Requantization result{
      .how = how,
      .quantize = chain->quantize,
      .output_scale = grid.scale.front(),
      .zero_point = zero_point,
      .low = chain->rectifies ? std::max(grid.low, zero_point) : grid.low,
      .high = grid.high};
  const GraphNode& node = all.graph.nodes[index];
  const NetworkTensor* const bias = model.tensor(node.name + "/bias");
  const auto biases = bias == nullptr ? std::vector<double>() : exact_values_of(*bias);
  const auto filters = std::size_t(node.output.channels);
  const std::size_t size = product.weights.size() / filters;
  const auto input_scale = float(input.unit());
  for (std::size_t f = 0; f < filters; ++f) {
    double gain = 1, shift = biases.empty() ? 0 : biases[f];
    for (const GraphNode* affine : chain->affines) {
      const double scale = affine->constants.at("scale")[f];
      gain *= scale;
      shift = shift * scale + double(affine->constants.at("shift")[f]);
    }
    const auto own = std::span(product.weights).subspan(f * size, size);
    if (gain < 0 && std::find(own.begin(), own.end(), -128) != own.end()) {
      return no("a weight of -128 has no negative in 8 bits");
    }
    const double unit = product.form.unit[product.form.unit.size() == 1 ? 0 : f];
    const auto weight_scale = float(unit * std::fabs(gain));
    const float sum_scale = input_scale * weight_scale;
    const float factor = sum_scale / result.output_scale;
    const double steps = std::rint(shift / double(sum_scale));
    if (how == Requantize::kFloat && factor > kMostFactor) {
      return no("a sum of one moves a code by more than 1/16");
    }
    if (!std::isnormal(sum_scale) || !std::isnormal(factor) || factor >= 0x1p30f ||
        std::fabs(steps) + product.largest_sum >
            double(std::numeric_limits<std::int32_t>::max())) {
      return no("its bias in steps of the sums leaves 32 bits");
    }
    result.sign.push_back(gain < 0 ? -1 : 1);
    result.weight_scale.push_back(weight_scale);
    result.sum_scale.push_back(sum_scale);
    result.bias.push_back(std::int32_t(steps));
    result.factor.push_back(factor);
    if (how != Requantize::kFixedPoint) continue;
    result.multiplier.push_back(fixed_point_multiplier(
        double(input_scale) * double(weight_scale) / double(result.output_scale)));
  }
  return result;
}

}  // namespace bitsweep
