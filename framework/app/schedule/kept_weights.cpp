#include "framework/app/schedule/kept_weights.h"

#include <set>
#include <vector>

#include "framework/results/record.h"

namespace bitsweep {

bool drop_weights(const std::filesystem::path& path, const std::string& kept) {
  const RunRecord summary = read_record_summary(path, SummaryDepth::kHead);
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
  std::vector<std::size_t> losing;
  for (std::size_t i = 0; i < plan.runs.size(); ++i) {
    const PlannedRun& run = plan.runs[i];
    const FoundRun found = files.find(run.digest);
    const bool is_done = found.state == RunState::kDone;
    if (run.start && !is_done) needed.insert(*run.start);
    const bool has_more = found.has_weights || (found.has_model && kept == "predictions");
    if (is_done && has_more) losing.push_back(i);
  }
  std::size_t dropped = 0;
  for (const auto i : losing) {
    if (!needed.contains(i)) dropped += drop_weights(files.path_of(plan.runs[i]), kept);
  }
  return dropped;
}

}  // namespace bitsweep
