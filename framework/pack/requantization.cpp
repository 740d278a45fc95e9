#include "framework/pack/requantization.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace bitsweep {
namespace {

constexpr float kMostFactor = 1.0f / 16;

// What stands between a product and the quantizer of its values.
struct Chain {
  std::vector<const GraphNode*> affines;
  bool rectifies = false;
  std::size_t quantize = 0;
};

std::optional<Chain> chain_behind(const ExecutionGraph& all, std::size_t index) {
  Chain chain;
  for (std::size_t value = index + 1;;) {
    if (all.consumers[value].size() != 1) return std::nullopt;
    const auto next = std::size_t(all.consumers[value].front());
    const GraphNode& node = all.graph.nodes[next];
    switch (node.operation) {
      case Operation::kQuantize:
        chain.quantize = next;
        return chain;
      case Operation::kAffine:
        if (chain.rectifies) return std::nullopt;
        chain.affines.push_back(&node);
        break;
      case Operation::kRelu:
        chain.rectifies = true;
        break;
      default:
        return std::nullopt;
    }
    value = next + 1;
  }
}

bool is_plain(const PackedQuantizer& quantizer) {
  const UniformGrid* const grid = quantizer.grid.uniform();
  return grid != nullptr && grid->zero_point.front() == 0 &&
         quantizer.rule.kind == CodeRule::Kind::kUniform &&
         quantizer.rule.rounding == Rounding::kHalfEven && !quantizer.rule.of_magnitude &&
         CodeForm(quantizer).has_bytes();
}

}  // namespace

std::optional<Requantization> find_requantization(const PackedModel& model,
                                                  const ExecutionGraph& all,
                                                  std::size_t index,
                                                  const IntegerProduct& product,
                                                  const CodeForm& input) {
  const auto chain = chain_behind(all, index);
  if (!chain || input.is_of_image()) return std::nullopt;
  const auto& quantizer =
      model.quantizers[std::size_t(all.quantizer_of[chain->quantize])];
  if (!is_plain(quantizer)) return std::nullopt;

  const UniformGrid& grid = *quantizer.grid.uniform();
  Requantization result{.quantize = chain->quantize,
                        .output_scale = grid.scale.front(),
                        .low = chain->rectifies ? std::max(grid.low, 0) : grid.low,
                        .high = grid.high};
  const GraphNode& node = all.graph.nodes[index];
  const NetworkTensor* const bias = model.tensor(node.name + "/bias");
  const auto biases = bias == nullptr ? std::vector<float>() : values_of(*bias);
  const auto filters = std::size_t(node.output.channels);
  const std::size_t size = product.weights.size() / filters;
  const auto input_scale = float(input.unit());
  for (std::size_t f = 0; f < filters; ++f) {
    double gain = 1, shift = biases.empty() ? 0 : double(biases[f]);
    for (const GraphNode* affine : chain->affines) {
      const double scale = affine->constants.at("scale")[f];
      gain *= scale;
      shift = shift * scale + double(affine->constants.at("shift")[f]);
    }
    const auto own = std::span(product.weights).subspan(f * size, size);
    if (gain < 0 && std::find(own.begin(), own.end(), -128) != own.end()) {
      return std::nullopt;
    }
    const double unit = product.form.unit[product.form.unit.size() == 1 ? 0 : f];
    const auto weight_scale = float(unit * std::fabs(gain));
    const float sum_scale = input_scale * weight_scale;
    const float factor = sum_scale / result.output_scale;
    const double steps = std::rint(shift / double(sum_scale));
    if (!std::isnormal(sum_scale) || !std::isnormal(factor) || factor > kMostFactor ||
        std::fabs(steps) + product.largest_sum >
            double(std::numeric_limits<std::int32_t>::max())) {
      return std::nullopt;
    }
    result.negated.push_back(gain < 0);
    result.weight_scale.push_back(weight_scale);
    result.sum_scale.push_back(sum_scale);
    result.bias.push_back(std::int32_t(steps));
    result.factor.push_back(factor);
  }
  return result;
}

}  // namespace bitsweep
