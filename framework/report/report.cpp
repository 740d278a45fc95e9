#include "framework/report/report.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "framework/eval/metrics.h"
#include "framework/eval/size.h"
#include "framework/report/facts.h"
#include "framework/report/remarks.h"
#include "framework/report/study_records.h"

namespace bitsweep {
namespace {

/// A finished run and its baseline, null when that is not finished.
struct Pair {
  const RunRecord* run;
  const RunRecord* baseline;
};

std::vector<Pair> finished(const ManifestRow& row, const StudyRecords& records) {
  std::vector<Pair> pairs;
  for (const auto& run : row.runs) {
    const RunRecord* record = records.find_done(run.name.digest);
    if (!record) continue;
    pairs.push_back({record, run.name.baseline == run.name.digest
                                 ? nullptr
                                 : records.find_done(run.name.baseline)});
  }
  return pairs;
}

std::vector<double> values_of(const Metric& metric, const std::vector<Pair>& pairs) {
  std::vector<double> values;
  for (const auto& [run, baseline] : pairs) {
    if (const auto value = metric.value(*run, baseline)) values.push_back(*value);
  }
  return values;
}

std::map<std::string_view, Summary> summaries_of(const std::vector<Pair>& pairs) {
  std::map<std::string_view, Summary> summaries;
  for (const auto& metric : metric_table()) {
    summaries[metric.id] = summarize(values_of(metric, pairs));
  }
  return summaries;
}

// ---- Can a row be told apart from float? ----

std::optional<Verdict> by_seeds(const std::vector<double>& losses) {
  return Verdict{paired_t_test(losses),
                 fmt::format("paired t over {} seeds", losses.size())};
}

bool same_images(const Pair& pair) {
  const auto images = pair.run->labels.size();
  return pair.baseline && images != 0 && pair.run->labels == pair.baseline->labels &&
         pair.run->predictions.size() == images &&
         pair.baseline->predictions.size() == images;
}

// Of few seeds the one that says least counts, and seeds that disagree say nothing.
std::optional<Verdict> by_predictions(const std::vector<Pair>& pairs) {
  Verdict verdict{0, "McNemar mid-p"};
  std::set<bool> better;
  for (const auto& pair : pairs) {
    if (!same_images(pair)) return {};
    const auto differing =
        discordance(pair.run->predictions, pair.baseline->predictions, pair.run->labels);
    better.insert(differing.first_only > differing.second_only);
    verdict.p = std::max(verdict.p, mcnemar_mid_p(differing));
  }
  if (pairs.empty()) return {};
  if (better.size() == 2) verdict.p = 1;
  return verdict;
}

std::optional<Verdict> against_float(const std::vector<Pair>& pairs) {
  constexpr std::size_t kEnoughSeeds = 3;
  const auto losses = values_of(metric_named("accuracy_loss"), pairs);
  return losses.size() >= kEnoughSeeds ? by_seeds(losses) : by_predictions(pairs);
}

// ---- Is a published figure met? ----

// Points of accuracy by which the row is worse than the figure: by the losses against
// float where the figure has one, else by the accuracies.
std::optional<double> points_worse(const PublishedSpec& published,
                                   const std::map<std::string_view, Summary>& metrics) {
  std::optional<double> loss = published.loss;
  if (published.accuracy && published.baseline) {
    loss = *published.baseline - *published.accuracy;
  }
  const Summary& own_loss = metrics.at("accuracy_loss");
  if (loss && own_loss.count > 0) return own_loss.mean - *loss;
  const Summary& accuracy = metrics.at("accuracy");
  if (published.accuracy && accuracy.count > 0)
    return *published.accuracy - accuracy.mean;
  return {};
}

std::string reproduction_of(const ReportRow& row) {
  const auto& published = row.row.published;
  const auto worse = points_worse(published, row.metrics);
  if (!worse) return "";
  if (published.recipe != "same") return "recipe differs";
  return *worse <= kReproducedPoints ? "reproduced"
         : *worse <= kClosePoints    ? "close"
                                     : "missed";
}

// ---- Rows ----

// Widths of the quantized weights, leaving out the ends where others see to those.
std::string weight_bits_in(const RunRecord& record, const EdgesSpec& edges) {
  std::vector<SizeEntry> weights;
  std::copy_if(record.sizes.begin(), record.sizes.end(), std::back_inserter(weights),
               is_weight);
  if (!weights.empty() && edges.first != "method") weights.erase(weights.begin());
  if (!weights.empty() && edges.last != "method") weights.pop_back();
  Distinct widths;
  for (const auto& weight : weights) {
    if (weight.quantized) widths.add(std::to_string(weight.bits));
  }
  return widths.joined();
}

ReportRow report_row(const ManifestRow& row, const StudyRecords& records) {
  const auto pairs = finished(row, records);
  ReportRow result{.row = row,
                   .weight_bits = row.weight_bits.text(),
                   .activation_bits = row.activation_bits.text(),
                   .done = pairs.size(),
                   .metrics = summaries_of(pairs),
                   .against_float = {},
                   .reproduction = {},
                   .remarks = {}};
  if (!row.is_baseline()) result.against_float = against_float(pairs);
  result.reproduction = reproduction_of(result);
  result.remarks = remarks_of(result, records);
  if (!row.weight_bits.is_known() && !pairs.empty()) {
    result.weight_bits = weight_bits_in(*pairs.front().run, row.edges);
  }
  return result;
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
std::vector<ManifestRow> in_order(const StudyManifest& manifest) {
  Appearance group_place;
  using Key = std::tuple<std::size_t, bool, std::size_t>;
  std::vector<std::pair<Key, ManifestRow>> keyed;
  std::size_t block = 0;
  bool after_baselines = false;
  for (const auto& row : manifest.rows) {
    if (row.is_baseline() && after_baselines) ++block;
    after_baselines = !row.is_baseline();
    keyed.push_back({{block, after_baselines, group_place(row.group)}, row});
  }
  std::stable_sort(keyed.begin(), keyed.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<ManifestRow> rows;
  for (auto& [key, row] : keyed) rows.push_back(std::move(row));
  return rows;
}

void count_runs(const StudyManifest& manifest, const StudyRecords& records,
                StudyReport& report) {
  for (const auto& row : manifest.rows) {
    for (const auto& run : row.runs) {
      const RunRecord* record = records.find(run.name.digest);
      ++(!record                    ? report.missing
         : record->status == "done" ? report.done
                                    : report.failed);
    }
  }
}

}  // namespace

StudyReport build_report(const StudyManifest& manifest, const RecordLookup& record_of) {
  const StudyRecords records(manifest, record_of);
  StudyReport report;
  report.name = manifest.name;
  report.title = manifest.title;
  report.file = manifest.file;
  report.options = manifest.options;
  report.facts = facts_of(manifest, records);
  for (const auto& row : in_order(manifest)) {
    report.rows.push_back(report_row(row, records));
  }
  report.warnings = warnings_of(manifest, records);
  count_runs(manifest, records, report);
  return report;
}

}  // namespace bitsweep
