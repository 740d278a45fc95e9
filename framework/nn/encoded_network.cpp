#include "framework/nn/encoded_network.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "framework/core/error.h"
#include "framework/nn/pruned_site.h"

namespace bitsweep {
namespace {

bool is_coded(const BoundSite& bound) {
  return bound.is_active() && !bound.evaluates_float;
}

// The sites of weights and biases by the name of their tensor, where they are not plain
// floats.
std::map<std::string, BoundSite*> special_sites(const Network& network) {
  std::map<std::string, BoundSite*> sites;
  for (BoundSite* bound : network.sites()) {
    const bool is_pruned = !bound->kept.empty();
    if (bound->is_parameter() && (is_coded(*bound) || is_pruned)) {
      sites[bound->site.name] = bound;
    }
  }
  return sites;
}

// Of the last pass: before the quantizer, and behind it.
struct QuantizedValues {
  std::span<const float> before, behind;
};

QuantizedValues values_of(const BoundSite& bound, int images) {
  if (bound.is_parameter()) return {bound.before(), bound.behind()};
  const std::size_t count = std::size_t(images) * bound.site.elements;
  return {bound.before().first(count), bound.behind().first(count)};
}

void check_site(const BoundSite& bound, int images) {
  const auto [before, behind] = values_of(bound, images);
  const auto finite = [](float v) { return std::isfinite(v); };
  if (!std::all_of(before.begin(), before.end(), finite)) return;  // lost elsewhere
  const Encoded encoded = encode_site(bound, before);
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
  for (const BoundSite* bound : network.sites()) {
    if (!is_coded(*bound) || bound->site.role == Role::kGradient) continue;
    at_site(*bound, [&] { check_site(*bound, network.images()); });
  }
}

std::vector<NetworkTensor> encoded_tensors(Network& network) {
  const auto sites = special_sites(network);
  std::vector<NetworkTensor> tensors;
  for (const StateTensor& state : network.state()) {
    NetworkTensor& tensor =
        tensors.emplace_back(NetworkTensor{.name = state.name, .shape = state.shape});
    const auto site = sites.find(state.name);
    BoundSite* const bound = site == sites.end() ? nullptr : site->second;
    if (bound != nullptr) {
      tensor.pruned =
          std::size_t(std::count(bound->kept.begin(), bound->kept.end(), 0.f));
    }
    if (bound == nullptr || !is_coded(*bound)) {
      tensor.values.assign(state.values.begin(), state.values.end());
      continue;
    }
    at_site(*bound, [&] {
      bound->prepare(state.values);
      tensor.encoded = encode_site(*bound, state.values);
    });
  }
  return tensors;
}

}  // namespace bitsweep
