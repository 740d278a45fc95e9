// Files that are there whole or not at all.
#pragma once

#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>

#include "framework/core/error.h"

namespace bitsweep {

/// A file that could not be written because the disk, or the user's share of it, is full.
class DiskFullError : public RunError {
 public:
  using RunError::RunError;
};

/// Writes under a temporary name in the same folder, syncs and renames: a reader sees the
/// old file or the whole new one. Throws RunError naming the path and the reason
/// (DiskFullError where that is it); then the temporary file is gone and an older file is
/// as it was.
void write_whole_file(const std::filesystem::path& path, std::string_view bytes);
/// Of parts, one behind the other.
void write_whole_file(const std::filesystem::path& path,
                      std::initializer_list<std::string_view> parts);

/// Whether a write that was killed left this file behind, by its name.
bool is_leftover(const std::filesystem::path& path);

/// Throws DataError when there is no such file or it cannot be read.
std::string read_whole_file(const std::filesystem::path& path);

}  // namespace bitsweep
