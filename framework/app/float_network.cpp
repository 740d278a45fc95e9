#include "framework/app/float_network.h"

#include <filesystem>
#include <vector>

#include <fmt/format.h>

#include "framework/app/schedule/batch.h"
#include "framework/core/error.h"

namespace bitsweep {

const RowSpec& chosen_row(const std::string& command, const StudySpec& study,
                          const std::string& label) {
  std::vector<const RowSpec*> rows;
  std::vector<std::string> labels;
  for (const auto& row : study.rows) {
    if (row.runs.front().is_float()) continue;
    labels.push_back(row.label);
    if (label.empty() || row.label == label) rows.push_back(&row);
  }
  if (rows.size() == 1) return *rows.front();
  if (labels.empty()) {
    throw ConfigError(fmt::format(
        "{}: the study has float networks alone; give it a row with a method: rows: "
        "[{{method: dynamic_fixed_point}}]",
        command));
  }
  throw ConfigError(fmt::format("{}: {}; choose one with --row: '{}'", command,
                                rows.empty()
                                    ? fmt::format("the study has no row '{}'", label)
                                    : fmt::format("the study has {} rows", rows.size()),
                                fmt::join(labels, "', '")));
}

namespace {

// What is there of a float network that others are to begin with.
FoundRun startable(const RunFiles& files, const std::string& digest) {
  FoundRun found = files.find(digest);
  if (is_lost(found.state)) throw DataError(found.why);
  if (!found.has_weights) found.state = RunState::kMissing;
  return found;
}

}  // namespace

std::optional<RunRecord> float_record(const RunSpec& run, const std::string& study,
                                      const Arguments& arguments, int threads) {
  BatchOptions options{
      .worker_command = {std::filesystem::read_symlink("/proc/self/exe").string(),
                         "worker", "--threads", std::to_string(threads)}};
  for (const char* option : {"data-dir", "plugin"}) {
    for (const auto& value : arguments.all(option)) {
      options.worker_command.insert(options.worker_command.end(),
                                    {std::string("--") + option, value});
    }
  }
  const std::filesystem::path folder = "results/" + study;
  StudySpec only{study, study, "", {RowSpec{"baseline", "float", {}, {run.baseline()}}}};
  ResultsFolder results(folder);
  RunFiles files(folder);
  const Plan plan = make_plan(
      only, [&](const std::string& digest) { return startable(files, digest); });
  const BatchResult batch = run_batch(plan, files, results, options);
  if (batch.interrupted) return std::nullopt;
  if (!batch.disk_full.empty()) throw RunError("the disk is full: " + batch.disk_full);
  if (!batch.failed.empty()) {
    throw RunError("the float network failed: " + batch.failed.front().why);
  }
  if (!batch.held.empty()) {
    throw RunError(fmt::format(
        "the float network is being trained by {}; try again when it is there",
        batch.held.front().holder));
  }
  return read_record(RunFiles(folder).path_of(plan.runs.front()));
}

}  // namespace bitsweep
