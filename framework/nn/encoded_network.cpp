#include "framework/nn/encoded_network.h"

#include <algorithm>
#include <map>

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
    if (bound->latent != nullptr && (is_coded(*bound) || is_pruned)) {
      sites[bound->site.name] = bound;
    }
  }
  return sites;
}

}  // namespace

std::vector<NetworkTensor> encoded_tensors(Network& network) {
  const auto sites = special_sites(network);
  std::vector<NetworkTensor> tensors;
  for (const StateTensor& state : network.state()) {
    NetworkTensor& tensor =
        tensors.emplace_back(NetworkTensor{.name = state.name, .shape = state.shape});
    const auto site = sites.find(state.name);
    const BoundSite* bound = site == sites.end() ? nullptr : site->second;
    if (bound != nullptr) {
      tensor.pruned =
          std::size_t(std::count(bound->kept.begin(), bound->kept.end(), 0.f));
    }
    if (bound == nullptr || !is_coded(*bound)) {
      tensor.values.assign(state.values.begin(), state.values.end());
      continue;
    }
    at_site(*bound, [&] {
      bound->quantizer->prepare(state.values);
      tensor.encoded = encode_site(*bound, state.values);
    });
  }
  return tensors;
}

}  // namespace bitsweep
