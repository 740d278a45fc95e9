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

#include "framework/report/comparison.h"
#include "framework/report/confusion.h"
#include "framework/report/manifest.h"
#include "framework/results/record.h"

namespace bitsweep {

/// What a report tells of one run.
struct ReportRun {
  std::int64_t seed = 1;
  std::string digest;
  std::string status;   // done, failed, missing
  std::string failure;  // why, when failed
  std::string started;  // UTC, ISO 8601; "" where it is not known
  std::string revision;
  std::map<std::string_view, double> metrics;         // by the metric's id
  std::map<std::string, std::vector<double>> curves;  // of training, one value an epoch
  Confusion confusion;
};

/// The network of a row's first finished run.
struct ReportNetwork {
  std::vector<ProductEntry> layers;
  std::vector<SiteHistogram> histograms;
  /// The run's configuration, "fine_tuning.epochs" to "4"; without the seed.
  std::map<std::string, std::string> settings;
};

/// Rows whose single networks a report shows; of more, a page could not be opened.
inline constexpr std::size_t kMostShownNetworks = 500;

struct ReportRow {
  ManifestRow row;
  std::string weight_bits;  // as `weight_bits_text`
  std::string activation_bits;
  std::string gradient_bits;
  std::string first, last;  // as `first_text` and `last_text`
  std::string bias;         // as `bias_text`
  std::size_t done = 0;     // of row.runs
  /// Over the seeds that are done, by the metric's id.
  std::map<std::string_view, Summary> metrics;
  std::optional<NamedInterval> accuracy_interval;
  std::optional<Comparison> against_float;  // none for a baseline, or where none is done
  std::string verdict;                      // of `verdict_on`
  std::vector<std::string> remarks;
  std::vector<ReportRun> runs;  // as in row.runs
  ReportNetwork network;        // of the study's first kMostShownNetworks rows
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

/// The record of a run, whose `status` says when it failed, read as deeply as asked for;
/// nothing when it has not run.
using RecordLookup =
    std::function<std::optional<RunRecord>(const ManifestRun&, SummaryDepth)>;

/// Reads records from a folder of results, without their states. A record that cannot be
/// read, or is another run's, counts as failed.
/// `damaged` gets a sentence for each that cannot be read, and must outlive the lookup.
RecordLookup records_in(std::filesystem::path folder,
                        std::vector<std::string>* damaged = nullptr);

/// A run's configuration, "fine_tuning.epochs" to "4".
std::map<std::string, std::string> settings_of(const RunRecord& record);

/// The only way to a report: during a run and from a folder alone. Looks at the records
/// row by row, and may look at one again: it keeps what the report holds of them. Curves,
/// confusion and networks are left out where `depth` does not reach them.
StudyReport build_report(const StudyManifest& manifest, const RecordLookup& record_of,
                         SummaryDepth depth = SummaryDepth::kPage);

/// `bitsweep run FILE ...`, which made the study; "" where its file is not known.
std::string command_of(const StudyReport& report);

/// A way to write a report, and its file in a folder of results.
struct ReportFormat {
  std::string name;    // "md"
  std::string file;    // "report.md"
  SummaryDepth depth;  // of the records that it is made of
};
/// md, csv, json, tex and html hold the rows; runs is a table of the single runs.
std::vector<ReportFormat> report_formats();
std::vector<std::string> report_format_names();

/// Throws ConfigError for a format that is not one of them.
const ReportFormat& report_format(const std::string& name);
/// Likewise.
std::string render(const StudyReport& report, const std::string& format);

}  // namespace bitsweep
