// Pruned weights in a network: the mask lives at the weight's site, in front of and
// behind whatever quantizes it.
#pragma once

#include <span>
#include <vector>

#include "framework/nn/layer.h"
#include "framework/quant/encoded.h"

namespace bitsweep {

/// `kept`: 1, or 0 where a weight is pruned. Sets those weights to 0 and tells the
/// quantizer, where it asks.
void set_kept(BoundSite& weights, std::vector<float> kept);

/// Puts 0 where the site's weights are pruned: values or gradients of them.
void clear_pruned(const BoundSite& weights, std::span<float> values);

/// Codes of the site's weights or biases as the network has them outside training. The
/// quantizer must be prepared.
Encoded encode_site(const BoundSite& bound, std::span<const float> latent);

}  // namespace bitsweep
