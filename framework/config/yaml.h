// YAML to nodes and back. All of yaml-cpp is behind this header.
#pragma once

#include <filesystem>
#include <string>

#include "framework/config/problems.h"

namespace bitsweep {

/// One YAML document. `file` is what places show. A key given twice is a problem, the
/// first value stays; text that is not YAML or not UTF-8 throws ConfigError with its
/// line. So does a text of more than 100,000 values or 8 MB (aliases counted at their
/// full size), 1000 keys in one mapping or 32 levels, before it takes memory.
Node parse_yaml(const std::string& text, const std::string& file, Problems& problems);

/// The file's mapping of keys. Throws ConfigError when there is no such file, when it is
/// no regular file, cannot be read or is larger than 8 MB, and when it holds anything
/// else.
Node read_yaml(const std::filesystem::path& file, Problems& problems);

/// The node as YAML: on one line what fits, else a line for each key or item. Equal nodes
/// give equal texts, and reading the text gives the node again.
std::string write_yaml(const Node& node);

/// `file` from the working folder where it lies below it.
std::string shown_path(const std::filesystem::path& file);

}  // namespace bitsweep
