// Finds a dataset's files and reads them whole, unpacked on the way.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "framework/data/dataset.h"

namespace bitsweep {

/// One file of a dataset.
struct DataFile {
  std::vector<std::string> names;  // what it may be called, each also with ".gz"
  std::string original;  // SHA-256 of the original's unpacked bytes; "" where unknown
};

/// The files of a dataset and where below a data folder they may be.
struct FileSet {
  std::vector<std::string> subfolders;  // "" is the data folder itself
  std::vector<DataFile> files;
};

/// A file's bytes, unpacked where it is gzipped.
struct FileBytes {
  std::filesystem::path path;
  std::vector<std::uint8_t> bytes;
  std::string sha256;
};

/// The paths of `set.files`, all from the first folder that has any of them. Throws
/// DataError when there is no such folder, or when it has some of the files only.
std::vector<std::filesystem::path> find_files(
    const FileSet& set, const DatasetInfo& info,
    const std::vector<std::filesystem::path>& folders);

/// Throws DataError when the file cannot be read or is not one whole gzip stream.
FileBytes read_file(const std::filesystem::path& path, const DatasetInfo& info);

/// `info.title`, marked where one of the sums is not the original's.
std::string title_of(const DatasetInfo& info, const FileSet& set,
                     const std::vector<std::string>& sums);

/// One checksum for a dataset from those of its files.
std::string combined_checksum(const std::vector<std::string>& sums);

/// Throws the DataError "<path>: <problem>; <how to get the files>".
[[noreturn]] void refuse_file(const std::filesystem::path& path,
                              const std::string& problem, const DatasetInfo& info);

/// Refuses a label that is not below `info.classes`.
void check_labels(const std::vector<std::uint8_t>& labels,
                  const std::filesystem::path& path, const DatasetInfo& info);

}  // namespace bitsweep
