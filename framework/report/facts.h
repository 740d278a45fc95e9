// What the rows of a report have in common, in words.
#pragma once

#include "framework/report/study_records.h"

namespace bitsweep {

class StudyFacts {
 public:
  /// Rows in the study's order.
  void add(const ManifestRow& row, const RowRecords& records);

  /// Data, networks, training, plugins, program and machine; a line each.
  std::vector<std::string> lines(const StudyManifest& manifest) const;
  /// What runs warned of, with their rows and seeds.
  const std::vector<std::string>& warnings() const { return warnings_.texts(); }

 private:
  std::map<std::string, Distinct> origins_;  // by dataset
  Distinct programs_;
  Distinct machines_;
  Distinct warnings_;
};

}  // namespace bitsweep
