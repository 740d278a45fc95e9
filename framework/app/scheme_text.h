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

/// "scheme tensorrt-max sets method.id=affine ... (source: ...)": a sentence for each
/// preset that the study's rows name, in their order; then one for each row that changes
/// its preset, with what differs.
std::vector<std::string> scheme_notes(const StudySpec& study);

}  // namespace bitsweep
