// bitsweep clean: what a folder of results need not keep.

#include <algorithm>
#include <iterator>
#include <set>

#include <fmt/format.h>

#include "framework/app/commands/commands.h"
#include "framework/app/schedule/kept_weights.h"
#include "framework/app/schedule/results_folder.h"
#include "framework/core/counted.h"
#include "framework/core/error.h"
#include "framework/report/manifest.h"
#include "framework/results/checkpoint.h"
#include "framework/results/record.h"

namespace bitsweep {
namespace {

namespace fs = std::filesystem;

// The folder's own table and those of its variants.
std::vector<fs::path> table_folders(const fs::path& folder) {
  std::vector<fs::path> folders = {folder};
  std::error_code missing;
  for (const auto& entry : fs::directory_iterator(folder / "variants", missing)) {
    folders.push_back(entry.path());
  }
  std::erase_if(folders,
                [](const auto& path) { return !fs::exists(manifest_path(path)); });
  if (!folders.empty()) return folders;
  throw ConfigError(fmt::format("clean: {} is no folder of results: it has no study.txt",
                                folder.string()));
}

struct Needs {
  std::set<fs::path> records;
  std::set<fs::path> checkpoints;
  bool all_done = true;
};

Needs needs_of(const std::vector<fs::path>& folders) {
  Needs needs;
  for (const auto& folder : folders) {
    for (const auto& row : read_manifest(folder).rows) {
      for (const auto& run : row.runs) {
        const fs::path record = fs::weakly_canonical(folder / run.name.record);
        needs.records.insert(record);
        needs.checkpoints.insert(checkpoint_path(record.parent_path(), run.name.digest));
        needs.all_done =
            needs.all_done && fs::exists(record) &&
            read_record_summary(record, SummaryDepth::kHead).status == "done";
      }
    }
  }
  return needs;
}

std::vector<fs::path> files_in_runs(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code missing;
  for (const auto& entry : fs::directory_iterator(folder / "runs", missing)) {
    const auto& path = entry.path();
    if (is_record_name(path) || is_checkpoint(path)) files.push_back(path);
  }
  return files;
}

int clean(const Arguments& arguments, Session&) {
  const fs::path folder = arguments.positional(0);
  const std::string keep = arguments.text("keep", "state");
  if (std::find(std::begin(kKept), std::end(kKept), keep) == std::end(kKept)) {
    throw ConfigError(fmt::format("clean: --keep: '{}' is not allowed ({})", keep,
                                  fmt::join(kKept, ", ")));
  }
  const auto tables = table_folders(folder);
  const Needs needs = needs_of(tables);
  const ResultsFolder results(folder, ResultsFolder::Use::kAlone);
  remove_leftovers(folder);
  std::size_t removed = 0;
  std::size_t stripped = 0;
  for (const auto& path : files_in_runs(folder)) {
    const auto& needed = is_checkpoint(path) ? needs.checkpoints : needs.records;
    if (arguments.has("unused") && !needed.contains(fs::weakly_canonical(path))) {
      fs::remove(path);
      if (is_checkpoint(path)) continue;
      fs::remove(results.log(digest_in_name(path)));
      ++removed;
      continue;
    }
    if (is_checkpoint(path)) continue;
    if (keep == "state") continue;
    // What is not run yet may begin with any of the float networks.
    const bool may_be_needed =
        !needs.all_done &&
        read_record_summary(path, SummaryDepth::kHead).method == "float";
    if (!may_be_needed) stripped += drop_weights(path, keep);
  }
  print_out(fmt::format("{} removed, {} without weights now\n",
                        counted(removed, "unused record"), counted(stripped, "record")));
  return 0;
}

}  // namespace

Command clean_command() {
  return {
      {.command = "clean",
       .summary = "Remove what a folder of results need not keep.",
       .positionals = {{"DIR", "A folder of results: what `run` calls --out."}},
       .options = {{.name = "keep",
                    .value = "WHAT",
                    .help =
                        "What finished records keep: state, model (no weights but the "
                        "packed model), or predictions alone; float networks that "
                        "unfinished rows may begin with keep their weights (state)."},
                   {.name = "unused",
                    .value = "",
                    .help = "Remove records that no table of the folder is made of."}}},
      clean};
}

}  // namespace bitsweep
