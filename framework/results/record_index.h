// What plans and status pages ask of records, kept beside them so that thousands need not
// be read each time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

namespace bitsweep {

/// Tells one writing of a file from another.
struct FileStamp {
  std::uint64_t inode = 0;
  std::int64_t nanoseconds = 0;  // of its last change
  std::int64_t bytes = 0;
  bool operator==(const FileStamp&) const = default;
  /// Of one writing where file systems may number a file anew while it stays (sshfs).
  bool same_writing(const FileStamp& other) const {
    return nanoseconds == other.nanoseconds && bytes == other.bytes;
  }
};

/// Nothing when there is no such file.
std::optional<FileStamp> stamp_of(const std::filesystem::path& file);

/// A record in short.
struct RecordBrief {
  std::string digest;
  std::string status;   // done, failed
  std::string failure;  // why, when failed
  bool has_state = false;
  bool has_model = false;
  double test_accuracy = 0;  // a share; NaN where there is none
  double seconds = 0;        // of the run's own work
};

/// The briefs of a folder of records. Each is of the file as it is now: one that was
/// written anew since is read anew.
class RecordIndex {
 public:
  /// `file` is where it is kept; one that is not there, or damaged, is begun anew.
  explicit RecordIndex(std::filesystem::path file);
  /// Keeps what was read. Not keeping it is no mistake.
  ~RecordIndex();
  RecordIndex(const RecordIndex&) = delete;
  RecordIndex& operator=(const RecordIndex&) = delete;

  /// Throws DataError as `read_record_summary` does.
  const RecordBrief& at(const std::filesystem::path& record);

 private:
  struct Entry {
    FileStamp stamp;
    RecordBrief brief;
  };
  void load();

  std::filesystem::path file_;
  std::map<std::string, Entry> entries_;  // by the record's file name
  bool is_changed_ = false;
};

}  // namespace bitsweep
