// A method and its parameters from the words of a command line.
#pragma once

#include <string>
#include <vector>

#include "framework/config/run_spec.h"
#include "framework/quant/registry.h"

namespace bitsweep {

/// `settings` are "key=value", the value in YAML ("4", "[0.5, 0.75]"). The parameters are
/// complete and checked; throws ConfigError with each mistake.
MethodSpec method_from_words(const std::string& id,
                             const std::vector<std::string>& settings,
                             const MethodRegistry& methods);

}  // namespace bitsweep
