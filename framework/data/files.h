// Finds a dataset's files and reads them, unpacked on the way.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
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

/// How many bytes a file must unpack to, and why: "for the 40 items of its header".
struct ExpectedSize {
  std::size_t bytes = 0;
  std::string reason;
};

/// A file's beginning, unpacked: at most `bytes` of it, fewer where the file has fewer.
/// `expect` tells the whole's size from it, or refuses it.
struct FileHeader {
  std::size_t bytes = 0;
  std::function<ExpectedSize(std::span<const std::uint8_t> beginning)> expect;
};

/// Reads and unpacks in pieces, never more than the header announces: what a damaged or
/// lying file costs is what it holds. Throws DataError when the file cannot be read, is
/// not one whole gzip stream or is of another size than expected.
FileBytes read_file(const std::filesystem::path& path, const DatasetInfo& info,
                    const FileHeader& header);

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
