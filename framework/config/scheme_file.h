// Schemes: what a library sets when it quantizes, as a file that a row names.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "framework/config/config_folders.h"
#include "framework/config/node.h"
#include "framework/config/problems.h"

namespace bitsweep {

/// `row` with what the scheme says that its `method: {scheme: ...}` names,
/// <folder>/schemes/<scheme>.yaml: the keys `method` and `edges`. What the row says
/// itself goes before it. Rows without a scheme stay as they are.
Node with_scheme(const Node& row, const ConfigFolders& folders, Problems& problems);

/// Sorted ids of the schemes there are.
std::vector<std::string> known_schemes(const ConfigFolders& folders);

/// What a scheme's file says.
struct SchemeInfo {
  std::string id;
  std::filesystem::path file;
  std::string source;  // its opening comment: whose numbers these are
  Settings settings;   // {"method.id", "affine"}, ..., {"edges.first", "method"}
};
/// Throws ConfigError for an unknown id, and where the file is no scheme.
SchemeInfo scheme_info(const std::string& id, const ConfigFolders& folders);

}  // namespace bitsweep
