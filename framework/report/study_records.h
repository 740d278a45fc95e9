// The records of a study's runs, as its report looks at them.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "framework/report/report.h"

namespace bitsweep {

/// The distinct texts among many, in the order in which they came.
class Distinct {
 public:
  void add(const std::string& text) {
    if (!text.empty() && std::find(texts_.begin(), texts_.end(), text) == texts_.end()) {
      texts_.push_back(text);
    }
  }
  const std::vector<std::string>& texts() const { return texts_; }
  std::string joined(const char* separator = ", ") const {
    return fmt::format("{}", fmt::join(texts_, separator));
  }

 private:
  std::vector<std::string> texts_;
};

/// All records of a study by digest, each looked up once. Numbers of an older version
/// than others count as failed: they must not be averaged or compared.
class StudyRecords {
 public:
  StudyRecords(const StudyManifest& manifest, const RecordLookup& record_of);

  /// Null when the run has not run.
  const RunRecord* find(const std::string& digest) const;
  /// Null also when it failed.
  const RunRecord* find_done(const std::string& digest) const;

 private:
  void refuse_older_results();

  std::map<std::string, std::optional<RunRecord>> records_;
};

}  // namespace bitsweep
