#include "framework/app/schedule/run_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "framework/core/error.h"
#include "framework/results/checkpoint.h"
#include "framework/results/record.h"
#include "framework/results/whole_file.h"

namespace bitsweep {
namespace {

namespace fs = std::filesystem;

}  // namespace

bool is_record_name(const fs::path& file) {
  return file.extension() == ".h5" && file.stem().string().find('-') != std::string::npos;
}

std::string digest_in_name(const fs::path& record) {
  const std::string stem = record.stem().string();
  return stem.substr(stem.rfind('-') + 1);
}

RunFiles::RunFiles(fs::path results)
    : folder_(results / "runs"),
      index_(std::make_shared<RecordIndex>(folder_ / ".index")) {
  refresh();
}

void RunFiles::refresh() {
  const auto now = stamp_of(folder_);
  if (now && seen_ == now) return;
  seen_ = now;
  known_.clear();
  std::error_code missing;
  for (const auto& entry : fs::directory_iterator(folder_, missing)) {
    if (is_record_name(entry.path())) known_[digest_in_name(entry.path())] = entry.path();
  }
}

FoundRun RunFiles::find(const std::string& digest) const {
  const auto found = known_.find(digest);
  if (found == known_.end()) return RunState::kMissing;
  const auto stamp = stamp_of(found->second);  // before it is read
  FoundRun result = state_of(found->second, digest);
  result.record = stamp;
  return result;
}

FoundRun RunFiles::state_of(const fs::path& file, const std::string& digest) const {
  try {
    const RecordBrief& record = index_->at(file);
    if (record.digest != digest) {
      return {RunState::kDamaged,
              fmt::format("{}: holds the run {}, expected {}; give it its own name back, "
                          "or delete it",
                          file.string(), record.digest, digest)};
    }
    FoundRun result(record.status == "done" ? RunState::kDone : RunState::kFailed,
                    record.failure, record.has_state);
    result.has_model = record.has_model;
    result.test_accuracy = record.test_accuracy;
    result.seconds = record.seconds;
    return result;
  } catch (const DataError& error) {
    const bool is_readable = ::faccessat(AT_FDCWD, file.c_str(), R_OK, AT_EACCESS) == 0;
    return {is_readable ? RunState::kDamaged : RunState::kUnreadable, error.what()};
  }
}

fs::path RunFiles::path_of(const PlannedRun& run) const {
  const auto found = known_.find(run.digest);
  if (found != known_.end()) return found->second;
  return folder_ / (run.name + "-" + run.digest + ".h5");
}

fs::path RunFiles::checkpoint_of(const PlannedRun& run) const {
  return checkpoint_path(folder_, run.digest);
}

void RunFiles::remove_checkpoint(const PlannedRun& run) const {
  std::error_code ignored;  // mostly there is none
  fs::remove(checkpoint_of(run), ignored);
}

void RunFiles::remove_leftovers() const {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder_, ignored)) {
    const auto name = entry.path().filename().string();
    const bool is_of_done = known_.contains(name.substr(0, name.find('.')));
    if (is_of_done && is_leftover(entry.path())) fs::remove(entry.path(), ignored);
  }
}

}  // namespace bitsweep
