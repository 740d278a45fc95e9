#include "framework/report/study_records.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "framework/core/error.h"

namespace bitsweep {
namespace {

RunRecord failed_record(std::string failure) {
  RunRecord record;
  record.status = "failed";
  record.failure = std::move(failure);
  return record;
}

}  // namespace

const RunRecord* RowRecords::find(const std::string& digest) const {
  const auto found = records_.find(digest);
  return found == records_.end() ? nullptr : found->second.get();
}

const RunRecord* RowRecords::find_done(const std::string& digest) const {
  const RunRecord* record = find(digest);
  return record && record->status == "done" ? record : nullptr;
}

StudyRecords::StudyRecords(const StudyManifest& manifest, RecordLookup record_of,
                           SummaryDepth depth, int newest)
    : record_of_(std::move(record_of)),
      depth_(std::min(depth, SummaryDepth::kCurves)),
      newest_(newest),
      oldest_done_(std::numeric_limits<int>::max()) {
  for (const auto& row : manifest.rows) {
    for (const auto& run : row.runs) baselines_[run.name.baseline] = nullptr;
  }
  for (const auto& row : manifest.rows) {
    for (const auto& run : row.runs) {
      const auto found = baselines_.find(run.name.digest);
      if (found != baselines_.end()) found->second = &run;
    }
  }
}

RowRecords StudyRecords::of(const ManifestRow& row) {
  RowRecords records;
  for (const auto& run : row.runs) {
    auto record = look_up(run);
    keep_baseline(run.name.digest, record);
    records.records_[run.name.digest] = std::move(record);
  }
  for (const auto& run : row.runs) {
    if (records.records_.contains(run.name.baseline)) continue;
    records.records_[run.name.baseline] = baseline(run.name.baseline);
  }
  return records;
}

std::optional<RunRecord> StudyRecords::page_of(const ManifestRun& run) const {
  return record_of_(run, SummaryDepth::kPage);
}

StudyRecords::Record StudyRecords::look_up(const ManifestRun& run) {
  auto record = record_of_(run, depth_);
  if (!record) return nullptr;
  newest_ = std::max(newest_, record->results_version);
  if (record->status == "done" && record->results_version < newest_) {
    record->status = "failed";
    record->failure =
        fmt::format("its numbers are of version {}, others of {}; run again",
                    record->results_version, newest_);
  }
  if (record->status == "done") {
    oldest_done_ = std::min(oldest_done_, record->results_version);
  }
  return std::make_shared<const RunRecord>(*std::move(record));
}

// Many runs share a few float runs; a study of which each row has its own reads some of
// them again.
StudyRecords::Record StudyRecords::baseline(const std::string& digest) {
  const auto known = kept_.find(digest);
  if (known != kept_.end()) return known->second;
  const ManifestRun* run = baselines_.at(digest);
  if (run == nullptr) return nullptr;
  keep_baseline(digest, look_up(*run));
  return kept_.at(digest);
}

void StudyRecords::keep_baseline(const std::string& digest, const Record& record) {
  constexpr std::size_t kMost = 500;
  if (!baselines_.contains(digest)) return;
  if (kept_.size() >= kMost) kept_.clear();
  if (!record) {
    kept_[digest] = nullptr;
    return;
  }
  RunRecord slim;
  slim.results_version = record->results_version;
  slim.status = record->status;
  slim.failure = record->failure;
  slim.metrics = record->metrics;
  slim.predictions = record->predictions;
  slim.labels = record->labels;
  kept_[digest] = std::make_shared<const RunRecord>(std::move(slim));
}

RecordLookup records_in(std::filesystem::path folder, std::vector<std::string>* damaged) {
  return [folder = std::move(folder), damaged](
             const ManifestRun& run, SummaryDepth depth) -> std::optional<RunRecord> {
    const auto failed = [&](const std::string& why) {
      const bool is_new =
          damaged && std::find(damaged->begin(), damaged->end(), why) == damaged->end();
      if (is_new) damaged->push_back(why);
      return failed_record(why);
    };
    const auto path = folder / run.name.record;
    if (!std::filesystem::exists(path)) return {};
    try {
      auto record = read_record_summary(path, depth);
      if (record.digest == run.name.digest) return record;
      return failed(fmt::format("{}: holds the run {}, expected {}", path.string(),
                                record.digest, run.name.digest));
    } catch (const DataError& error) {
      return failed(error.what());
    }
  };
}

}  // namespace bitsweep
