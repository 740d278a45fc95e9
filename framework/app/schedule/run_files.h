// The records of a folder of results, found by the digest in their names.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "framework/app/schedule/plan.h"
#include "framework/results/record_index.h"

namespace bitsweep {

class RunFiles {
 public:
  /// Looks at names alone; a folder that is not there has no records.
  explicit RunFiles(std::filesystem::path results);

  /// Looks again, where names came or went since.
  void refresh();

  /// What there is of the run. A record that cannot be read, or is another run's, is
  /// damaged, or unreadable where this user may not: it is for the user to see and to
  /// delete, not to be written over.
  FoundRun find(const std::string& digest) const;

  /// Where the run's record is, or will be: `<results>/runs/<name>-<digest>.h5`.
  std::filesystem::path path_of(const PlannedRun& run) const;

  /// Where the run's state is kept while it is under way.
  std::filesystem::path checkpoint_of(const PlannedRun& run) const;
  void remove_checkpoint(const PlannedRun& run) const;
  /// What killed writes left of the checkpoints of runs whose record is there.
  void remove_leftovers() const;

 private:
  FoundRun state_of(const std::filesystem::path& file, const std::string& digest) const;

  std::filesystem::path folder_;
  std::shared_ptr<RecordIndex> index_;
  std::optional<FileStamp> seen_;                       // of the folder
  std::map<std::string, std::filesystem::path> known_;  // by digest
};

/// Whether a file of the folder of records is one of them, by its name.
bool is_record_name(const std::filesystem::path& file);

/// "3fa94c1d00112233" of "lenet5-twn-seed1-3fa94c1d00112233.h5".
std::string digest_in_name(const std::filesystem::path& record);

}  // namespace bitsweep
