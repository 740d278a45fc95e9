#include "framework/report/study_records.h"

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

StudyRecords::StudyRecords(const StudyManifest& manifest, const RecordLookup& record_of) {
  for (const auto& row : manifest.rows) {
    for (const auto& run : row.runs) {
      if (!records_.contains(run.name.digest)) records_[run.name.digest] = record_of(run);
    }
  }
  refuse_older_results();
}

const RunRecord* StudyRecords::find(const std::string& digest) const {
  const auto found = records_.find(digest);
  return found == records_.end() || !found->second ? nullptr : &*found->second;
}

const RunRecord* StudyRecords::find_done(const std::string& digest) const {
  const RunRecord* record = find(digest);
  return record && record->status == "done" ? record : nullptr;
}

void StudyRecords::refuse_older_results() {
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

RecordLookup records_in(std::filesystem::path folder, std::vector<std::string>* damaged) {
  return [folder = std::move(folder),
          damaged](const ManifestRun& run) -> std::optional<RunRecord> {
    const auto failed = [&](const std::string& why) {
      if (damaged) damaged->push_back(why);
      return failed_record(why);
    };
    const auto path = folder / run.name.record;
    if (!std::filesystem::exists(path)) return {};
    try {
      auto record = read_record_summary(path);
      if (record.digest == run.name.digest) return record;
      return failed(fmt::format("{}: holds the run {}, expected {}", path.string(),
                                record.digest, run.name.digest));
    } catch (const DataError& error) {
      return failed(error.what());
    }
  };
}

}  // namespace bitsweep
