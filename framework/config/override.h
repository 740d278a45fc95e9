// `--set`: values over those that a file gives.
#pragma once

#include <string>

#include "framework/config/problems.h"

namespace bitsweep {

/// Applies "a.b=value" (the value in YAML) to `root`. List items are named by their
/// index; mappings that are not there yet are made, so that a wrong path ends as an
/// unknown key.
void apply_override(Node& root, const std::string& setting, Problems& problems);

}  // namespace bitsweep
