#include "framework/app/schedule/kept_weights.h"

#include <set>

#include "framework/results/record.h"

namespace bitsweep {

bool drop_weights(const std::filesystem::path& path, const std::string& kept) {
  const RunRecord summary = read_record_summary(path);
  const bool loses_model = summary.has_model && kept == "predictions";
  if (!summary.has_state && !loses_model) return false;
  RunRecord record = read_record(path);
  keep_only(kept, record);
  write_record(record, path);
  return true;
}

std::size_t drop_weights_of_done(const Plan& plan, const RunFiles& files,
                                 const std::string& kept) {
  std::set<std::size_t> needed;
  for (const auto& run : plan.runs) {
    const bool is_done = files.find(run.digest).state == RunState::kDone;
    if (run.start && !is_done) needed.insert(*run.start);
  }
  std::size_t dropped = 0;
  for (std::size_t i = 0; i < plan.runs.size(); ++i) {
    if (needed.contains(i)) continue;
    if (files.find(plan.runs[i].digest).state != RunState::kDone) continue;
    dropped += drop_weights(files.path_of(plan.runs[i]), kept);
  }
  return dropped;
}

}  // namespace bitsweep
