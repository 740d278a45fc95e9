// The file that a command is told to write.
#pragma once

#include <filesystem>

#include "framework/app/command_line.h"

namespace bitsweep {

/// --force, for commands that write a file.
OptionInfo force_option();

/// --out, or `otherwise`. Throws ConfigError where a file is there already and --force is
/// not given, and where none can be written: before the work, not after.
std::filesystem::path output_file(const Arguments& arguments,
                                  const std::string& otherwise = "");

}  // namespace bitsweep
