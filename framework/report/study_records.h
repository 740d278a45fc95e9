// The records of a study's runs, as its report looks at them: a row at a time, so that
// memory holds one row's and the float runs that rows are compared with.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include <fmt/format.h>

#include "framework/report/report.h"

namespace bitsweep {

/// The distinct texts among many, in the order in which they came.
class Distinct {
 public:
  void add(const std::string& text) {
    if (!text.empty() && known_.insert(text).second) texts_.push_back(text);
  }
  const std::vector<std::string>& texts() const { return texts_; }
  std::string joined(const char* separator = ", ") const {
    return fmt::format("{}", fmt::join(texts_, separator));
  }

 private:
  std::vector<std::string> texts_;
  std::unordered_set<std::string> known_;
};

/// The records of a row's runs, and of the float runs that these are compared with, by
/// digest.
class RowRecords {
 public:
  /// Null when the run has not run.
  const RunRecord* find(const std::string& digest) const;
  /// Null also when it failed.
  const RunRecord* find_done(const std::string& digest) const;

 private:
  friend class StudyRecords;
  std::map<std::string, std::shared_ptr<const RunRecord>> records_;
};

/// Looks the records of a study up. Numbers of an older version than others count as
/// failed: they must not be averaged or compared.
class StudyRecords {
 public:
  /// `manifest` must outlive it. Records are read to their curves at most. `newest`: the
  /// version of numbers that counts; 0 for the newest that was met so far.
  StudyRecords(const StudyManifest& manifest, RecordLookup record_of, SummaryDepth depth,
               int newest = 0);

  /// A float run that is no run of the study has no record.
  RowRecords of(const ManifestRow& row);

  /// One run's record again, with what a page shows of its network.
  std::optional<RunRecord> page_of(const ManifestRun& run) const;

  /// Of all records that were looked up.
  int newest_version() const { return newest_; }
  /// Whether a record that counted as done is older than one that came after it.
  bool is_mixed() const { return oldest_done_ < newest_; }

 private:
  using Record = std::shared_ptr<const RunRecord>;
  Record look_up(const ManifestRun& run);
  Record baseline(const std::string& digest);
  void keep_baseline(const std::string& digest, const Record& record);

  RecordLookup record_of_;
  SummaryDepth depth_;
  int newest_;
  int oldest_done_;
  std::map<std::string, const ManifestRun*> baselines_;  // those that are runs, by digest
  std::map<std::string, Record> kept_;  // of these some, without what no other run needs
};

}  // namespace bitsweep
