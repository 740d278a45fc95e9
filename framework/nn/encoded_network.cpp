#include "framework/nn/encoded_network.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "framework/core/error.h"

namespace bitsweep {
namespace {

// The sites of weights and biases by the name of their tensor, where codes are kept.
std::map<std::string, BoundSite*> coded_sites(const Network& network) {
  std::map<std::string, BoundSite*> sites;
  for (BoundSite* bound : network.sites()) {
    const bool is_coded = bound->is_quantized() && !bound->evaluates_float;
    if (bound->latent != nullptr && is_coded) sites[bound->site.name] = bound;
  }
  return sites;
}

// Of the last pass: before the quantizer, and behind it.
struct QuantizedValues {
  std::span<const float> before, behind;
};

QuantizedValues values_of(const WeightedLayer& layer, const BoundSite& bound,
                          int images) {
  const auto before = layer.before_quantizer(bound);
  const auto behind = bound.site.role == Role::kOutput ? layer.output().value.span()
                                                       : bound.quantized.span();
  if (bound.latent != nullptr) return {before, behind};
  const std::size_t count = std::size_t(images) * bound.site.elements;
  return {before.first(count), behind.first(count)};
}

void check_site(const WeightedLayer& layer, const BoundSite& bound, int images) {
  const auto [before, behind] = values_of(layer, bound, images);
  const auto finite = [](float v) { return std::isfinite(v); };
  if (!std::all_of(before.begin(), before.end(), finite)) return;  // lost elsewhere
  const Encoded encoded = encode(*bound.quantizer, before);
  const auto meant = encoded.values();
  for (std::size_t i = 0; i < behind.size(); ++i) {
    if (std::bit_cast<std::uint32_t>(meant[i]) == std::bit_cast<std::uint32_t>(behind[i]))
      continue;
    throw MethodError(
        fmt::format("it turns value {}, {}, into {}, which its code does not stand for: "
                    "{}; what it gives are not {}-bit values (see `bitsweep check`)",
                    i, before[i], behind[i], meant[i], encoded.grid.bits()));
  }
}

}  // namespace

void check_law(Network& network) {
  for (WeightedLayer* layer : network.weighted_layers()) {
    for (const BoundSite* bound : layer->sites()) {
      const bool skips = !bound->is_quantized() || bound->evaluates_float ||
                         bound->site.role == Role::kGradient;
      if (skips) continue;
      at_site(*bound, [&] { check_site(*layer, *bound, network.images()); });
    }
  }
}

std::vector<NetworkTensor> encoded_tensors(Network& network) {
  const auto sites = coded_sites(network);
  std::vector<NetworkTensor> tensors;
  for (const StateTensor& state : network.state()) {
    NetworkTensor& tensor =
        tensors.emplace_back(NetworkTensor{.name = state.name, .shape = state.shape});
    const auto site = sites.find(state.name);
    if (site == sites.end()) {
      tensor.values.assign(state.values.begin(), state.values.end());
      continue;
    }
    at_site(*site->second, [&] {
      site->second->quantizer->prepare(state.values);
      tensor.encoded = encode(*site->second->quantizer, state.values);
    });
  }
  return tensors;
}

}  // namespace bitsweep
