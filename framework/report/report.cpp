#include "framework/report/report.h"

#include <algorithm>
#include <numeric>
#include <tuple>
#include <utility>

#include "framework/config/yaml.h"
#include "framework/core/health_curve.h"
#include "framework/eval/metrics.h"
#include "framework/report/facts.h"
#include "framework/report/remarks.h"
#include "framework/report/row_widths.h"
#include "framework/report/study_records.h"

namespace bitsweep {
namespace {

// What a run is compared with; null for a run that is its own baseline.
const RunRecord* baseline_of(const ManifestRun& run, const RowRecords& records) {
  return run.name.baseline == run.name.digest ? nullptr
                                              : records.find_done(run.name.baseline);
}

std::vector<RunPair> finished(const ManifestRow& row, const RowRecords& records) {
  std::vector<RunPair> pairs;
  for (const auto& run : row.runs) {
    const RunRecord* record = records.find_done(run.name.digest);
    if (!record) continue;
    pairs.push_back({record, baseline_of(run, records)});
  }
  return pairs;
}

std::vector<double> values_of(const Metric& metric, const std::vector<RunPair>& pairs) {
  std::vector<double> values;
  for (const auto& [run, baseline] : pairs) {
    if (const auto value = metric.value(*run, baseline)) values.push_back(*value);
  }
  return values;
}

std::map<std::string_view, Summary> summaries_of(const std::vector<RunPair>& pairs) {
  std::map<std::string_view, Summary> summaries;
  for (const auto& metric : metric_table()) {
    summaries[metric.id] = summarize(values_of(metric, pairs));
  }
  return summaries;
}

// Health has a table of its own.
std::map<std::string, std::vector<double>> training_curves(const RunRecord& record) {
  auto curves = record.curves;
  std::erase_if(curves, [](const auto& curve) { return is_health_curve(curve.first); });
  return curves;
}

ReportRun report_run(const ManifestRun& run, const RowRecords& records,
                     SummaryDepth depth) {
  ReportRun result{.seed = run.seed,
                   .digest = run.name.digest,
                   .status = "missing",
                   .failure = {},
                   .started = {},
                   .revision = {},
                   .metrics = {},
                   .curves = {},
                   .confusion = {}};
  const RunRecord* record = records.find(run.name.digest);
  if (!record) return result;
  result.status = record->status;
  result.failure = record->failure;
  result.started = record->provenance.started;
  result.revision = record->provenance.revision;
  if (record->status != "done") return result;
  const RunRecord* baseline = baseline_of(run, records);
  for (const auto& metric : metric_table()) {
    const auto value = metric.value(*record, baseline);
    if (value) result.metrics[metric.id] = *value;
  }
  if (depth < SummaryDepth::kCurves) return result;
  result.curves = training_curves(*record);
  result.confusion = confusion_of(*record);
  return result;
}

// That of the row's first finished run.
ReportNetwork report_network(const ManifestRow& row, const RowRecords& of_row,
                             const StudyRecords& records) {
  for (const auto& run : row.runs) {
    if (!of_row.find_done(run.name.digest)) continue;
    const auto record = records.page_of(run);
    if (!record) return {};
    auto settings = settings_of(*record);
    settings.erase("seed");
    return {record->products, record->histograms, std::move(settings)};
  }
  return {};
}

ReportRow report_row(const ManifestRow& row, const RowRecords& records,
                     SummaryDepth depth) {
  const auto pairs = finished(row, records);
  ReportRow result{.row = row,
                   .weight_bits = weight_bits_text(row, pairs),
                   .activation_bits = activation_bits_text(row, pairs),
                   .gradient_bits = row.gradient_bits.text(),
                   .first = first_text(row, pairs),
                   .last = last_text(row, pairs),
                   .bias = bias_text(row, pairs),
                   .done = pairs.size(),
                   .metrics = summaries_of(pairs),
                   .accuracy_interval = accuracy_interval(pairs),
                   .against_float = {},
                   .verdict = {},
                   .remarks = {},
                   .runs = {},
                   .network = {}};
  for (const auto& run : row.runs) result.runs.push_back(report_run(run, records, depth));
  result.remarks = remarks_of(row, records);
  if (!row.is_baseline() && !pairs.empty()) {
    result.against_float = compare_with_float(pairs);
    result.verdict = verdict_on(row.published, *result.against_float,
                                result.metrics.at("accuracy"), result.accuracy_interval);
  }
  return result;
}

// All tests of the table are one family.
void correct_comparisons(std::vector<ReportRow>& rows) {
  std::vector<Comparison*> comparisons;
  for (auto& row : rows) {
    if (row.against_float) comparisons.push_back(&*row.against_float);
  }
  correct_for_many(comparisons);
}

/// Counts texts up as they first appear.
class Appearance {
 public:
  std::size_t operator()(const std::string& text) {
    return places_.try_emplace(text, places_.size()).first->second;
  }

 private:
  std::map<std::string, std::size_t> places_;
};

// The study's order, but with the rows of a group together. A float baseline behind other
// rows begins a block of its own, for another network or another dataset.
std::vector<std::size_t> in_order(const StudyManifest& manifest) {
  Appearance group_place;
  using Key = std::tuple<std::size_t, bool, std::size_t>;
  std::vector<Key> keys;
  std::size_t block = 0;
  bool after_baselines = false;
  for (const auto& row : manifest.rows) {
    if (row.is_baseline() && after_baselines) ++block;
    after_baselines = !row.is_baseline();
    keys.emplace_back(block, after_baselines, group_place(row.group));
  }
  std::vector<std::size_t> order(keys.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return keys[a] < keys[b]; });
  return order;
}

void count_runs(const ReportRow& row, StudyReport& report) {
  for (const auto& run : row.runs) {
    ++(run.status == "missing" ? report.missing
       : run.status == "done"  ? report.done
                               : report.failed);
  }
}

// Row by row: of a row's records nothing is kept but what the report says of them.
void add_rows(const StudyManifest& manifest, StudyRecords& records, SummaryDepth depth,
              StudyReport& report) {
  StudyFacts facts;
  std::vector<ReportRow> rows;
  for (const auto& row : manifest.rows) {
    const RowRecords of_row = records.of(row);
    rows.push_back(report_row(row, of_row, depth));
    if (depth >= SummaryDepth::kPage && rows.size() <= kMostShownNetworks) {
      rows.back().network = report_network(row, of_row, records);
    }
    count_runs(rows.back(), report);
    facts.add(row, of_row);
  }
  report.facts = facts.lines(manifest);
  report.warnings = facts.warnings();
  for (const auto index : in_order(manifest)) {
    report.rows.push_back(std::move(rows[index]));
  }
}

}  // namespace

std::map<std::string, std::string> settings_of(const RunRecord& record) {
  if (record.canonical_text.empty()) return {};
  Problems problems;
  const Node root = parse_yaml(record.canonical_text, "configuration", problems);
  problems.throw_if_any();
  std::map<std::string, std::string> settings;
  for (const auto& [path, value] : settings_of(root)) settings[path] = value;
  return settings;
}

StudyReport build_report(const StudyManifest& manifest, const RecordLookup& record_of,
                         SummaryDepth depth) {
  const StudyReport empty{.name = manifest.name,
                          .title = manifest.title,
                          .file = manifest.file,
                          .options = manifest.options,
                          .facts = {},
                          .rows = {},
                          .warnings = {}};
  StudyReport report = empty;
  StudyRecords records(manifest, record_of, depth);
  add_rows(manifest, records, depth, report);
  if (records.is_mixed()) {  // an old record was taken before a newer one was seen
    StudyRecords newest(manifest, record_of, depth, records.newest_version());
    add_rows(manifest, newest, depth, report = empty);
  }
  correct_comparisons(report.rows);
  for (auto& row : report.rows) {
    if (auto remark = significance_remark(row); !remark.empty()) {
      row.remarks.push_back(std::move(remark));
    }
  }
  return report;
}

}  // namespace bitsweep
