// The layers of a model file, with expressions evaluated and repetitions unrolled.
#pragma once

#include <vector>

#include "framework/config/expression.h"
#include "framework/config/problems.h"

namespace bitsweep {

/// Every layer has a name, and no two have the same.
std::vector<LayerSpec> read_layers(const Node& list, const Variables& variables,
                                   Problems& problems);

}  // namespace bitsweep
