// The records of a folder of results, found by the digest in their names.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "framework/app/schedule/plan.h"

namespace bitsweep {

class RunFiles {
 public:
  /// Looks at names alone; a folder that is not there has no records.
  explicit RunFiles(std::filesystem::path results);

  /// What there is of the run. A record that cannot be read, or is another run's, is
  /// damaged: it is for the user to see and to delete, not to be written over.
  Found find(const std::string& digest) const;

  /// Where the run's record is, or will be: `<results>/runs/<name>-<digest>.h5`.
  std::filesystem::path path_of(const PlannedRun& run) const;

  /// Where the run's state is kept while it is under way.
  std::filesystem::path checkpoint_of(const PlannedRun& run) const;
  void remove_checkpoint(const PlannedRun& run) const;

 private:
  std::filesystem::path folder_;
  std::map<std::string, std::filesystem::path> known_;  // by digest
};

}  // namespace bitsweep
