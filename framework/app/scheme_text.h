// Presets as commands show them.
#pragma once

#include <string>

#include "framework/config/run_spec.h"
#include "framework/config/scheme_file.h"

namespace bitsweep {

/// Each preset with its source.
std::string scheme_list(const ConfigFolders& folders);

/// What a preset sets, key by key, and from which source.
std::string scheme_card(const SchemeInfo& scheme);

/// "scheme tensorrt-max: method affine, group filter, ...; edges ..., from <source>": a
/// sentence for each preset that the study's rows name, in their order.
std::vector<std::string> scheme_notes(const StudySpec& study);

}  // namespace bitsweep
