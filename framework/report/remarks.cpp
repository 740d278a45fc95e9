#include "framework/report/remarks.h"

#include <algorithm>

#include <fmt/format.h>

#include "framework/eval/size.h"

namespace bitsweep {
namespace {

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

// Widths that a parameter promises and a grid does not keep: "conv2/weight takes 3 bits",
// "conv1/weight and 3 others take 2 bits".
std::string broken_width(const ManifestRow& row, const RowRecords& records) {
  const int promised = row.weight_bits.widest();
  for (const auto& run : row.runs) {
    const RunRecord* record = records.find_done(run.name.digest);
    if (!record || promised == 0) continue;
    std::vector<const SizeEntry*> wide;
    for (const auto& entry : record->sizes) {
      if (entry.quantized && is_weight(entry) && entry.bits > promised) {
        wide.push_back(&entry);
      }
    }
    if (wide.empty()) continue;
    const auto [narrowest, widest] = std::minmax_element(
        wide.begin(), wide.end(), [](auto* a, auto* b) { return a->bits < b->bits; });
    const std::string bits =
        (*narrowest)->bits == (*widest)->bits
            ? fmt::format("{}", (*widest)->bits)
            : fmt::format("{} to {}", (*narrowest)->bits, (*widest)->bits);
    const std::size_t others = wide.size() - 1;
    if (others == 0) return fmt::format("{} takes {} bits", wide.front()->site, bits);
    return fmt::format("{} and {} other{} take {} bits", wide.front()->site, others,
                       others == 1 ? "" : "s", bits);
  }
  return "";
}

std::string failed_seeds(const std::vector<std::int64_t>& seeds) {
  return fmt::format("seed{} {}", seeds.size() == 1 ? "" : "s", fmt::join(seeds, ", "));
}

std::vector<std::string> remarks_on_runs(const ManifestRow& row,
                                         const RowRecords& records) {
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
                          : fmt::format("{}: {}", failed_seeds(seeds), reason));
  }
  return remarks;
}

// Of runs whose file predicts otherwise than their simulation does.
std::string parting_remark(const ManifestRow& row, const RowRecords& records) {
  double differing = 0, farthest = 0;
  std::size_t images = 0;
  for (const auto& run : row.runs) {
    const RunRecord* record = records.find_done(run.name.digest);
    if (!record) continue;
    const auto own = record->metrics.find("differing_predictions");
    if (own == record->metrics.end()) continue;
    differing += own->second;
    images += record->predictions.size();
    const auto steps = record->metrics.find("steps_to_boundary");
    if (steps != record->metrics.end()) farthest = std::max(farthest, steps->second);
  }
  if (differing == 0) return "";
  return fmt::format(
      "{} of {} predictions are not the simulation's: values within {:.0e} steps of the "
      "boundary of two codes",
      differing, images, farthest);
}

// Two digits, or three where two would read as the threshold.
std::string p_text(double p) {
  return p < 0.055 ? fmt::format("{:.3f}", p) : fmt::format("{:.2f}", p);
}

}  // namespace

std::vector<std::string> remarks_of(const ManifestRow& row, const RowRecords& records) {
  auto remarks = remarks_on_runs(row, records);
  if (auto width = broken_width(row, records); !width.empty()) {
    remarks.push_back(std::move(width));
  }
  if (auto parting = parting_remark(row, records); !parting.empty()) {
    remarks.push_back(std::move(parting));
  }
  if (!row.scheme_changes.empty()) {
    remarks.push_back("not the scheme " + row.scheme_changes);
  }
  if (row.fine_tuned_control) remarks.push_back("compared with float fine-tuned alike");
  return remarks;
}

std::string significance_remark(const ReportRow& row) {
  const bool is_tested = row.against_float && !row.against_float->tests.empty();
  if (!is_tested || row.against_float->significant()) return "";
  return fmt::format("no significant difference from float (p = {})",
                     p_text(row.against_float->strongest()->adjusted));
}

}  // namespace bitsweep
