// Schemes: what a library sets when it quantizes, as a file that a row names.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "framework/config/config_folders.h"
#include "framework/config/node.h"
#include "framework/config/problems.h"
#include "framework/config/study_file.h"
#include "framework/config/written_row.h"

namespace bitsweep {

/// A scheme as its file has it: the keys `method`, `edges` and, where the network is to be
/// trained with its quantizers, `trained: true`.
struct Scheme {
  std::string id;
  Node node;
};

/// The scheme that a row's `method: {scheme: ...}` names, <folder>/schemes/<scheme>.yaml;
/// null for a row without, and, with a problem added, where there is none to use.
std::shared_ptr<const Scheme> scheme_of(const Node& row, const MethodCatalog& methods,
                                        const ConfigFolders& folders, Problems& problems);

/// `row` with the scheme under it: what the row says itself goes before the scheme. A
/// row whose scheme is null has a method to go on with in its place.
Node with_scheme(const Node& row, const Scheme* scheme, const MethodCatalog& methods);

/// What `run`, whose row names the scheme, has otherwise than the scheme: parameters of
/// the method, edges, no training where the scheme wants it, and whether there are rules for
/// single sites.
std::vector<SchemeChange> changes_of(const Scheme& scheme, const RunSpec& run,
                                     const MethodCatalog& methods);

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
