// The typed tables of a report, and the notes below them.
#pragma once

#include "framework/eval/metrics.h"
#include "framework/report/report.h"
#include "framework/report/table.h"

namespace bitsweep {

/// Where published figures come from: numbered in the table, told below it.
class Sources {
 public:
  explicit Sources(const StudyReport& report);

  /// From 1; 0 for a place that is not there.
  std::size_t number(const std::string& place) const;
  const std::vector<std::string>& places() const { return places_; }

 private:
  std::vector<std::string> places_;
};

/// A line for each row of the study.
Table study_table(const StudyReport& report);

/// A line for each run.
Table runs_table(const StudyReport& report);

/// What the columns mean, where figures come from, and the runs' warnings.
std::vector<std::string> notes_of(const StudyReport& report);

bool has_published(const ReportRow& row);

/// The published drop in percentage points; nothing where only an accuracy is published.
std::optional<double> published_drop(const PublishedSpec& published);

/// An id for programs with the metric's unit: "accuracy_drop_pp".
std::string column_id(const Metric& metric);

}  // namespace bitsweep
