#include "framework/report/report.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "framework/core/error.h"
#include "framework/eval/metrics.h"
#include "framework/eval/size.h"

namespace bitsweep {
namespace {

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

/// All records of a study by digest, each looked up once.
class Records {
 public:
  Records(const StudyManifest& manifest, const RecordLookup& record_of) {
    for (const auto& row : manifest.rows) {
      for (const auto& run : row.runs) {
        if (!records_.contains(run.name.digest))
          records_[run.name.digest] = record_of(run);
      }
    }
    refuse_older_results();
  }

  /// Null when the run has not run.
  const RunRecord* find(const std::string& digest) const {
    const auto found = records_.find(digest);
    return found == records_.end() || !found->second ? nullptr : &*found->second;
  }
  /// Null also when it failed.
  const RunRecord* find_done(const std::string& digest) const {
    const RunRecord* record = find(digest);
    return record && record->status == "done" ? record : nullptr;
  }

 private:
  // Numbers of different versions must not be averaged or compared.
  void refuse_older_results() {
    int newest = 0;
    for (const auto& [digest, record] : records_) {
      if (record) newest = std::max(newest, record->results_version);
    }
    for (auto& [digest, record] : records_) {
      if (!record || record->status != "done" || record->results_version == newest)
        continue;
      record->status = "failed";
      record->failure =
          fmt::format("its numbers are of version {}, others of {}; run again",
                      record->results_version, newest);
    }
  }

  std::map<std::string, std::optional<RunRecord>> records_;
};

/// A finished run and its baseline, null when that is not finished.
struct Pair {
  const RunRecord* run;
  const RunRecord* baseline;
};

std::vector<Pair> finished(const ManifestRow& row, const Records& records) {
  std::vector<Pair> pairs;
  for (const auto& run : row.runs) {
    const RunRecord* record = records.find_done(run.name.digest);
    if (!record) continue;
    pairs.push_back(
        {record, row.is_baseline() ? nullptr : records.find_done(run.name.baseline)});
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

// ---- Remarks ----

// Right no more often than an answer that is always the same, but for a percent.
bool is_at_chance(const RunRecord& record) {
  if (record.labels.empty() || record.predictions.size() != record.labels.size()) {
    return false;
  }
  std::map<std::int32_t, std::size_t> of_class;
  std::size_t most = 0;
  std::size_t right = 0;
  for (std::size_t i = 0; i < record.labels.size(); ++i) {
    most = std::max(most, ++of_class[record.labels[i]]);
    right += record.predictions[i] == record.labels[i];
  }
  return double(right) <= double(most) + 0.01 * double(record.labels.size());
}

// Widths that a parameter promises and a grid does not keep: "its weights take 3 bits".
std::string broken_width(const ManifestRow& row, const Records& records) {
  int promised = 0;
  for (std::size_t at = 0; at < row.weight_bits.size(); ++at) {
    if (!std::isdigit(row.weight_bits[at])) continue;
    std::size_t digits = 0;
    promised = std::max(promised, std::stoi(row.weight_bits.substr(at), &digits));
    at += digits;
  }
  for (const auto& run : row.runs) {
    const RunRecord* record = records.find_done(run.name.digest);
    if (!record || promised == 0) continue;
    for (const auto& entry : record->sizes) {
      if (entry.quantized && is_weight(entry) && entry.bits > promised) {
        return fmt::format("{} takes {} bits", entry.site, entry.bits);
      }
    }
  }
  return "";
}

std::string seeds_text(const std::vector<std::int64_t>& seeds) {
  return fmt::format("seed{} {}", seeds.size() == 1 ? "" : "s", fmt::join(seeds, ", "));
}

std::vector<std::string> remarks_on_runs(const ManifestRow& row, const Records& records) {
  std::vector<std::pair<std::string, std::vector<std::int64_t>>> seeds_by_reason;
  const auto add = [&](const std::string& reason, std::int64_t seed) {
    auto found = std::find_if(seeds_by_reason.begin(), seeds_by_reason.end(),
                              [&](const auto& entry) { return entry.first == reason; });
    if (found == seeds_by_reason.end()) {
      found = seeds_by_reason.insert(found, {reason, {}});
    }
    found->second.push_back(seed);
  };
  for (const auto& run : row.runs) {
    const RunRecord* record = records.find(run.name.digest);
    if (!record) {
      add("not run", run.seed);
    } else if (record->status != "done") {
      add("failed: " + record->failure, run.seed);
    } else if (!row.is_baseline() && !records.find_done(run.name.baseline)) {
      add("no float baseline", run.seed);
    } else if (is_at_chance(*record)) {
      add("no better than chance", run.seed);
    }
  }
  std::vector<std::string> remarks;
  for (const auto& [reason, seeds] : seeds_by_reason) {
    remarks.push_back(seeds.size() == row.runs.size()
                          ? reason
                          : fmt::format("{}: {}", seeds_text(seeds), reason));
  }
  return remarks;
}

std::vector<std::string> remarks_of(const ReportRow& row, const Records& records) {
  auto remarks = remarks_on_runs(row.row, records);
  if (auto width = broken_width(row.row, records); !width.empty()) {
    remarks.push_back(std::move(width));
  }
  if (row.against_float && !row.against_float->told_apart()) {
    remarks.push_back(
        fmt::format("not told apart from float (p = {:.2f})", row.against_float->p));
  }
  return remarks;
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

ReportRow report_row(const ManifestRow& row, const Records& records) {
  const auto pairs = finished(row, records);
  ReportRow result{.row = row,
                   .done = pairs.size(),
                   .metrics = summaries_of(pairs),
                   .against_float = {},
                   .reproduction = {},
                   .remarks = {}};
  if (!row.is_baseline()) result.against_float = against_float(pairs);
  result.reproduction = reproduction_of(result);
  result.remarks = remarks_of(result, records);
  if (row.weight_bits.empty() && !pairs.empty()) {
    result.row.weight_bits = weight_bits_in(*pairs.front().run, row.edges);
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

// ---- Facts ----

constexpr std::size_t kShownDigits = 12;  // of a SHA-256 sum

/// Every finished run's record with its row, in the study's order.
template <class Visitor>
void visit_done(const StudyManifest& manifest, const Records& records, Visitor&& visit) {
  for (const auto& row : manifest.rows) {
    for (const auto& run : row.runs) {
      const RunRecord* record = records.find_done(run.name.digest);
      if (record) visit(row, *record);
    }
  }
}

// "Fashion-MNIST, SHA-256 1a2b3c4d5e6f" of a dataset; more checksums than one would show.
std::string data_origin(const std::string& dataset, const StudyManifest& manifest,
                        const Records& records) {
  Distinct parts;
  visit_done(manifest, records, [&](const ManifestRow& row, const RunRecord& record) {
    if (row.dataset != dataset) return;
    parts.add(record.data_title);
    parts.add("SHA-256 " + record.data_checksum.substr(0, kShownDigits));
  });
  return parts.joined();
}

std::vector<std::string> data_facts(const StudyManifest& manifest,
                                    const Records& records) {
  Distinct datasets;
  for (const auto& row : manifest.rows) datasets.add(row.dataset);
  std::vector<std::string> facts;
  for (const auto& dataset : datasets.texts()) {
    const auto origin = data_origin(dataset, manifest, records);
    facts.push_back("data: " + dataset +
                    (origin.empty() ? "" : fmt::format(" ({})", origin)));
  }
  return facts;
}

// The way that most rows share without a name, then the others with the names of theirs.
std::vector<std::string> training_facts(const StudyManifest& manifest, const char* kind,
                                        std::string ManifestRow::*way,
                                        std::string ManifestRow::*name) {
  Distinct ways;
  std::map<std::string, std::size_t> rows;
  for (const auto& row : manifest.rows) {
    ways.add(row.*way);
    ++rows[row.*way];
  }
  auto order = ways.texts();
  std::stable_sort(order.begin(), order.end(),
                   [&](const auto& a, const auto& b) { return rows[a] > rows[b]; });
  std::vector<std::string> facts;
  for (const auto& text : order) {
    Distinct names;
    for (const auto& row : manifest.rows) {
      if (row.*way == text) names.add(row.*name);
    }
    facts.push_back(facts.empty()
                        ? fmt::format("{}: {}", kind, text)
                        : fmt::format("{} of {}: {}", kind, names.joined(), text));
  }
  return facts;
}

std::string program_text(const RunRecord& record) {
  return fmt::format("{}, revision {}, results version {}", record.provenance.program,
                     record.provenance.revision, record.results_version);
}

std::string machine_text(const Provenance& machine) {
  Distinct parts;
  parts.add(machine.cpu);
  parts.add(fmt::format("{} thread{}", machine.threads, machine.threads == 1 ? "" : "s"));
  parts.add(machine.engine);
  parts.add(fmt::format("{} for {}", machine.compiler, machine.arch));
  parts.add(machine.host_os);
  return parts.joined();
}

void append(std::vector<std::string>& list, const std::vector<std::string>& more) {
  list.insert(list.end(), more.begin(), more.end());
}

std::vector<std::string> facts_of(const StudyManifest& manifest, const Records& records) {
  Distinct networks;
  for (const auto& row : manifest.rows) networks.add(row.network);
  Distinct plugins;
  for (const auto& row : manifest.rows) {
    if (row.plugin.empty()) continue;
    plugins.add(fmt::format("plugin: {}, SHA-256 {}", row.method,
                            row.plugin.substr(0, kShownDigits)));
  }
  Distinct programs;
  Distinct machines;
  visit_done(manifest, records, [&](const ManifestRow&, const RunRecord& record) {
    programs.add("program: " + program_text(record));
    machines.add("machine: " + machine_text(record.provenance));
  });
  auto facts = data_facts(manifest, records);
  facts.push_back("networks: " + networks.joined());
  append(facts, training_facts(manifest, "training", &ManifestRow::training,
                               &ManifestRow::network));
  append(facts, training_facts(manifest, "fine-tuning", &ManifestRow::fine_tuning,
                               &ManifestRow::label));
  append(facts, plugins.texts());
  append(facts, programs.texts());
  append(facts, machines.texts());
  return facts;
}

std::vector<std::string> warnings_of(const StudyManifest& manifest,
                                     const Records& records) {
  Distinct warnings;
  for (const auto& row : manifest.rows) {
    for (const auto& run : row.runs) {
      const RunRecord* record = records.find(run.name.digest);
      if (!record) continue;
      for (const auto& warning : record->warnings) {
        warnings.add(fmt::format("{}, seed {}: {}", row.label, run.seed, warning));
      }
    }
  }
  return warnings.texts();
}

void count_runs(const StudyManifest& manifest, const Records& records,
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

RunRecord failed_record(std::string failure) {
  RunRecord record;
  record.status = "failed";
  record.failure = std::move(failure);
  return record;
}

}  // namespace

StudyReport build_report(const StudyManifest& manifest, const RecordLookup& record_of) {
  const Records records(manifest, record_of);
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

RecordLookup records_in(std::filesystem::path folder) {
  return [folder =
              std::move(folder)](const ManifestRun& run) -> std::optional<RunRecord> {
    const auto path = folder / run.name.record;
    if (!std::filesystem::exists(path)) return {};
    try {
      auto record = read_record_summary(path);
      if (record.digest == run.name.digest) return record;
      return failed_record(fmt::format("{}: holds the run {}, expected {}", path.string(),
                                       record.digest, run.name.digest));
    } catch (const DataError& error) {
      return failed_record(error.what());
    }
  };
}

}  // namespace bitsweep
