// Methods in words: the card of one, and the page of all.
#pragma once

#include <string>

#include "framework/quant/registry.h"

namespace bitsweep {

/// Id, summary, origin, reference, formula, recipe, departures, biases, and each parameter with
/// type, default, range and help.
std::string describe_method(const MethodEntry& entry);

/// What the method's grids hold at each legal width of up to 8 bits, its other parameters
/// at their defaults.
std::string describe_levels(const MethodEntry& entry);

/// The text of methods/README.md.
std::string methods_readme(const MethodRegistry& registry);

}  // namespace bitsweep
