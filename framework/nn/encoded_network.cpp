#include "framework/nn/encoded_network.h"

#include <map>

namespace bitsweep {
namespace {

// The sites of weights and biases by the name of their tensor, where codes are kept.
std::map<std::string, BoundSite*> coded_sites(const Network& network) {
  std::map<std::string, BoundSite*> sites;
  for (BoundSite* bound : network.sites()) {
    const bool is_coded = bound->is_active() && !bound->evaluates_float;
    if (bound->latent != nullptr && is_coded) sites[bound->site.name] = bound;
  }
  return sites;
}

}  // namespace

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
