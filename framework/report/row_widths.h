// The widths that a row's tensors really have, as the records of its runs tell them.
#pragma once

#include <string>
#include <vector>

#include "framework/report/comparison.h"
#include "framework/report/manifest.h"

namespace bitsweep {

/// Of the weights: "4", "5–8" where the method gives its layers different widths,
/// "5–8 (fc*: 4)" with the layers that rules set apart, "fc*: 4" where these are all; "32"
/// for float. The first and the last layer are left out where edges see to them; rules that
/// have no layer's weights, too. As configured without finished runs.
std::string weight_bits_text(const ManifestRow& row, const std::vector<RunPair>& runs);

/// Of the activations, likewise: of the values that layers read.
std::string activation_bits_text(const ManifestRow& row,
                                 const std::vector<RunPair>& runs);

/// "float", "8" or "method" as the edges say of the first layer, or the width of its
/// weights where a rule of the row sees to it. "" for a baseline.
std::string first_text(const ManifestRow& row, const std::vector<RunPair>& runs);
std::string last_text(const ManifestRow& row, const std::vector<RunPair>& runs);

/// Of the biases: "float", "8", "8, float" where layers differ, "none" in a network
/// without; "" for a baseline. As configured without finished runs.
std::string bias_text(const ManifestRow& row, const std::vector<RunPair>& runs);

}  // namespace bitsweep
