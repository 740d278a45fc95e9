// A study's outcome: what the records of its runs say, row by row.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "framework/report/manifest.h"
#include "framework/report/statistics.h"
#include "framework/results/record.h"

namespace bitsweep {

struct ReportRow {
  ManifestRow row;
  std::string weight_bits;  // those of the records where only they tell
  std::string activation_bits;
  std::size_t done = 0;  // of row.runs
  /// Over the seeds that are done, by the metric's id.
  std::map<std::string_view, Summary> metrics;
  std::optional<Verdict> against_float;
  /// "reproduced", "close", "missed" or "recipe differs"; "" without a published figure.
  std::string reproduction;
  std::vector<std::string> remarks;
};

struct StudyReport {
  std::string name;
  std::string title;
  std::string file;
  std::string options;
  /// What the rows have in common: data, training, program, machine; a line each.
  std::vector<std::string> facts;
  /// One network and dataset after the other, its float baseline first, then group by
  /// group.
  std::vector<ReportRow> rows;
  std::vector<std::string> warnings;  // of the runs
  std::size_t done = 0;               // of all runs
  std::size_t failed = 0;
  std::size_t missing = 0;

  bool complete() const { return failed == 0 && missing == 0; }
};

/// The record of a run, whose `status` says when it failed; nothing when it has not run.
using RecordLookup = std::function<std::optional<RunRecord>(const ManifestRun&)>;

/// Reads records from a folder of results, without their states. A record that cannot be
/// read, or is another run's, counts as failed.
/// `damaged` gets a sentence for each that cannot be read, and must outlive the lookup.
RecordLookup records_in(std::filesystem::path folder,
                        std::vector<std::string>* damaged = nullptr);

/// The only way to a report: during a run and from a folder alone.
StudyReport build_report(const StudyManifest& manifest, const RecordLookup& record_of);

/// How far below a published figure, in points, one that is reproduced or close may be.
inline constexpr double kReproducedPoints = 0.3;
inline constexpr double kClosePoints = 1.0;

/// "md" or "csv"; throws ConfigError for another format.
std::string render(const StudyReport& report, const std::string& format);
std::vector<std::string> report_formats();

}  // namespace bitsweep
