#include "framework/app/schedule/run_files.h"

#include <fmt/format.h>

#include "framework/core/error.h"
#include "framework/results/checkpoint.h"
#include "framework/results/record.h"

namespace bitsweep {
namespace {

namespace fs = std::filesystem;

// "lenet5-twn-seed1-3fa94c1d00112233.h5": what stands behind the last dash.
std::string digest_of(const fs::path& file) {
  const std::string stem = file.stem().string();
  return stem.substr(stem.rfind('-') + 1);
}

}  // namespace

RunFiles::RunFiles(fs::path results) : folder_(std::move(results) / "runs") {
  std::error_code missing;
  for (const auto& entry : fs::directory_iterator(folder_, missing)) {
    if (entry.path().extension() == ".h5" && !is_checkpoint(entry.path())) {
      known_[digest_of(entry.path())] = entry.path();
    }
  }
}

Found RunFiles::find(const std::string& digest) const {
  const auto found = known_.find(digest);
  if (found == known_.end()) return RunState::kMissing;
  try {
    const RunRecord record = read_record_summary(found->second);
    if (record.digest != digest) {
      return {RunState::kDamaged,
              fmt::format("{}: holds the run {}, expected {}; give it its own name back, "
                          "or delete it",
                          found->second.string(), record.digest, digest)};
    }
    if (record.status != "done") return {RunState::kFailed, record.failure};
    return {RunState::kDone, "", record.has_state};
  } catch (const DataError& error) {
    return {RunState::kDamaged, error.what()};
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

}  // namespace bitsweep
