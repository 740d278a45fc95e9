// Files that are there whole or not at all.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace bitsweep {

/// Writes under a temporary name in the same folder, syncs and renames: a reader sees the
/// old file or the whole new one. Throws RunError naming the path and the reason; then
/// the temporary file is gone and an older file is as it was.
void write_whole_file(const std::filesystem::path& path, std::string_view bytes);

/// Throws DataError when there is no such file or it cannot be read.
std::string read_whole_file(const std::filesystem::path& path);

}  // namespace bitsweep
