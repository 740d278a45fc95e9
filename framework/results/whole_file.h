// Files that are there whole or not at all.
#pragma once

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>

#include "framework/core/error.h"
#include "framework/core/file_descriptor.h"

namespace bitsweep {

/// A file that could not be written because the disk, or the user's share of it, is full.
class DiskFullError : public RunError {
 public:
  using RunError::RunError;
};

/// A file that is written piece by piece under a temporary name in its folder, and takes
/// its own when it is whole. Each call throws RunError naming the path and the reason
/// (DiskFullError, with the room there is, where that is it); then the temporary file is
/// gone and an older file is as it was.
class WholeFile {
 public:
  /// `expected_bytes`: of all pieces, where that is known.
  explicit WholeFile(std::filesystem::path path, std::uintmax_t expected_bytes = 0);
  ~WholeFile();
  WholeFile(const WholeFile&) = delete;
  WholeFile& operator=(const WholeFile&) = delete;

  void append(std::string_view bytes);
  /// Over bytes that are there already.
  void put(std::size_t offset, std::string_view bytes);
  /// Syncs and renames.
  void publish();

 private:
  [[noreturn]] void fail(int reason);

  std::filesystem::path path_;
  std::filesystem::path draft_;  // empty where there is none
  FileDescriptor file_;
  std::uintmax_t bytes_ = 0;
  std::uintmax_t expected_bytes_;
};

/// Writes under a temporary name in the same folder, syncs and renames: a reader sees the
/// old file or the whole new one. Throws RunError naming the path and the reason
/// (DiskFullError where that is it); then the temporary file is gone and an older file is
/// as it was.
void write_whole_file(const std::filesystem::path& path, std::string_view bytes);
/// Of parts, one behind the other.
void write_whole_file(const std::filesystem::path& path,
                      std::initializer_list<std::string_view> parts);

/// Whether a call failed for want of room on the disk, by its `errno`.
bool is_full_disk(int error);

/// Throws DiskFullError where the disk of `folder` has less than `bytes` left, for "the
/// run's record".
void require_room(const std::filesystem::path& folder, double bytes,
                  const std::string& what);

/// A name beside `path` that nobody else takes, for what is to be renamed to it.
std::filesystem::path temporary_name(std::filesystem::path path);

/// Whether a write that was killed left this file behind, by its name.
bool is_leftover(const std::filesystem::path& path);

/// Throws DataError when there is no such file or it cannot be read.
std::string read_whole_file(const std::filesystem::path& path);

}  // namespace bitsweep
