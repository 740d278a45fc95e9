#include "framework/nn/pruned_site.h"

#include <utility>

#include "framework/quant/loops.h"
#include "framework/quant/pruning.h"

namespace bitsweep {

void set_kept(BoundSite& weights, std::vector<float> kept) {
  ensure(weights.latent != nullptr && kept.size() == weights.latent->value.size(),
         "a mask has a value for each weight");
  weights.kept = std::move(kept);
  clear_pruned(weights, weights.latent->value.span());
  auto* const knows = optional_interface<KnowsPruned>(weights.quantizer.get());
  if (knows != nullptr) at_site(weights, [&] { knows->set_kept(weights.kept); });
}

void clear_pruned(const BoundSite& weights, std::span<float> values) {
  if (weights.kept.empty()) return;
  transform(std::span<const float>(values), std::span<const float>(weights.kept), values,
            [](float v, float kept) { return kept != 0 ? v : 0.0f; });
}

Encoded encode_site(const BoundSite& bound, std::span<const float> latent) {
  Encoded encoded = encode(*bound.quantizer, latent);
  return bound.kept.empty() ? encoded : without_pruned(std::move(encoded), bound.kept);
}

}  // namespace bitsweep
