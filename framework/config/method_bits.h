// `bits: [2, 4]`: several widths of a method in one key, so that lists of them go
// together.
#pragma once

#include "framework/config/problems.h"
#include "framework/config/study_file.h"

namespace bitsweep {

/// Whether `bits` is short for the widths of this method: it has no parameter so called.
bool has_short_bits(const Node& method, const MethodCatalog& methods);

/// `method` with `weight_bits`, `activation_bits` and `gradient_bits` in the place of
/// `bits: [2, 4]` (weights, activations and, where given, gradients) or `bits: 4`
/// (weights and activations alike; weights alone where the method leaves activations in
/// float). It takes the place of widths from `yielding_file`; beside others it is a
/// problem.
Node with_long_bits(Node method, const MethodCatalog& methods, Problems& problems,
                    const std::string& yielding_file = "");

/// What was chosen of `method.bits`, told as choices of the widths in `method`.
Settings with_long_bits(const Settings& choices, const Node& method);

}  // namespace bitsweep
