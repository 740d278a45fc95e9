// How many bits a network takes when it is stored.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "framework/nn/encoded_network.h"
#include "framework/results/record.h"

namespace bitsweep {

/// The nominal size of a network: every stored value at its width, nothing for headers or
/// padding. Batch normalisation counts as it is stored, four values a channel.
struct ModelSize {
  std::int64_t elements = 0;            // values stored in all
  std::int64_t weights = 0;             // of them weights, quantized or not
  std::int64_t pruned = 0;              // weights that are 0 for good
  std::int64_t quantized_elements = 0;  // of them codes
  std::int64_t payload_bits = 0;        // codes
  std::int64_t side_bits = 0;           // scales, zero points and codebooks
  std::int64_t float_bits = 0;  // biases, normalisation, layers that stay in float

  std::int64_t total_bits() const { return payload_bits + side_bits + float_bits; }
  std::int64_t total_bytes() const { return (total_bits() + 7) / 8; }

  /// Against the same values in 32-bit float. 1 for an empty network.
  double ratio() const;
  /// Of the quantized tensors with their side bits alone: what papers quote. 1 when
  /// nothing is quantized.
  double quantized_ratio() const;
  /// All bits of the network shared out among its weights. 0 when it has none.
  double bits_per_weight() const;
  /// Of the weights those that are not pruned. 1 when the network has none.
  double kept_share() const;
};

ModelSize model_size(std::span<const SizeEntry> entries);

/// What each tensor of a network takes, by its codes and grid.
std::vector<SizeEntry> size_entries(std::span<const NetworkTensor> tensors);

/// Whether a site holds weights: "conv1/weight".
bool is_weight(const SizeEntry& entry);

}  // namespace bitsweep
