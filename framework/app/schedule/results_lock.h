// The right to add to a folder of results.
#pragma once

#include <filesystem>
#include <string>

#include "framework/app/schedule/worker_process.h"

namespace bitsweep {

/// A folder, made where it is missing and locked while this lives. Workers write into a
/// corner of it that is gone afterwards, so that nothing half-written stays behind.
class ResultsLock {
 public:
  /// Throws ConfigError when another process holds the folder or it cannot be written.
  explicit ResultsLock(std::filesystem::path folder);
  ~ResultsLock();
  ResultsLock(const ResultsLock&) = delete;
  ResultsLock& operator=(const ResultsLock&) = delete;

  /// Where a worker writes the record of the run with this digest.
  std::filesystem::path draft(const std::string& digest) const;
  /// Moves a draft to its place. Throws RunError when that fails.
  void publish(const std::string& digest, const std::filesystem::path& place) const;

 private:
  std::filesystem::path folder_;
  FileDescriptor lock_;
};

}  // namespace bitsweep
