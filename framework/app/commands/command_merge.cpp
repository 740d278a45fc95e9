// bitsweep merge: the results of machines that share no folder, put together.

#include <map>
#include <vector>

#include <fmt/format.h>

#include "framework/app/commands/commands.h"
#include "framework/app/report_files.h"
#include "framework/app/schedule/results_folder.h"
#include "framework/core/counted.h"
#include "framework/core/error.h"
#include "framework/results/whole_file.h"

namespace bitsweep {
namespace {

namespace fs = std::filesystem;

// A line for each run, and what it is compared with: equal tables have equal ones.
std::string runs_of(const StudyManifest& manifest) {
  std::string text = manifest.name + "\n";
  for (const auto& row : manifest.rows) {
    for (const auto& run : row.runs) {
      text += fmt::format("{} {} {} {}\n", row.label, run.seed, run.name.digest,
                          run.name.baseline);
    }
  }
  return text;
}

// What there is of a run, the better the higher.
enum class Worth { kNone, kDamaged, kFailed, kDone };

Worth worth_of(const fs::path& record, const std::string& digest, std::string& why) {
  if (!fs::exists(record)) return Worth::kNone;
  try {
    const auto summary = read_record_summary(record, SummaryDepth::kHead);
    if (summary.digest == digest) {
      return summary.status == "done" ? Worth::kDone : Worth::kFailed;
    }
    why = fmt::format("{}: holds the run {}, expected {}", record.string(),
                      summary.digest, digest);
  } catch (const DataError& error) {
    why = error.what();
  }
  return Worth::kDamaged;
}

class Merger {
 public:
  Merger(StudyManifest manifest, const fs::path& out)
      : manifest_(std::move(manifest)), out_(out) {
    for (auto& row : manifest_.rows) {
      for (auto& run : row.runs) {
        run.name.record =
            (fs::path("runs") / fs::path(run.name.record).filename()).string();
      }
    }
  }

  void add(const fs::path& folder) {
    for (const auto& row : read_manifest(folder).rows) {
      for (const auto& run : row.runs) add(folder / run.name.record, run.name.digest);
    }
  }

  const StudyManifest& manifest() const { return manifest_; }
  std::size_t copied() const { return copied_; }
  const std::vector<std::string>& damaged() const { return damaged_; }

 private:
  void add(const fs::path& record, const std::string& digest) {
    std::string why;
    const Worth worth = worth_of(record, digest, why);
    if (worth == Worth::kDamaged) damaged_.push_back(why);
    const fs::path place = out_ / "runs" / record.filename();
    std::string unused;
    if (worth <= Worth::kDamaged || worth <= worth_of(place, digest, unused)) return;
    write_whole_file(place, read_whole_file(record));
    ++copied_;
    const fs::path log = record.parent_path() / (digest + ".log");
    if (fs::exists(log)) {
      write_whole_file(out_ / "runs" / (digest + ".log"), read_whole_file(log));
    }
  }

  StudyManifest manifest_;
  fs::path out_;
  std::size_t copied_ = 0;
  std::vector<std::string> damaged_;
};

int merge(const Arguments& arguments, Session&) {
  const fs::path out = arguments.text("out");
  std::vector<fs::path> folders(arguments.positionals().begin(),
                                arguments.positionals().end());
  const StudyManifest first = read_manifest(folders.front());
  std::vector<fs::path> all = folders;
  if (fs::exists(manifest_path(out))) all.push_back(out);
  for (const auto& folder : all) {
    if (runs_of(read_manifest(folder)) == runs_of(first)) continue;
    throw ConfigError(fmt::format(
        "merge: {} and {} do not hold the same runs: their study, data or versions "
        "differ; merge folders of one study alone",
        folders.front().string(), folder.string()));
  }
  ResultsFolder results(out);
  Merger merger(first, out);
  for (const auto& folder : folders) merger.add(folder);
  write_manifest(merger.manifest(), out);
  const auto report = build_report(merger.manifest(), records_in(out));
  print_out(write_reports(report, out));
  print_note(fmt::format("merged: {} from {}; {} done, {} failed, {} not run",
                         counted(merger.copied(), "record"),
                         counted(folders.size(), "folder"), report.done, report.failed,
                         report.missing));
  for (const auto& why : merger.damaged()) {
    print_note(fmt::format("bitsweep: damaged, left out: {}", why));
  }
  return merger.damaged().empty() ? 0 : 1;
}

}  // namespace

Command merge_command() {
  return {{.command = "merge",
           .summary = "Put the results of machines that share no folder together.",
           .positionals = {{.name = "DIR",
                            .help = "Folders of results of one study.",
                            .repeated = true}},
           .options = {{.name = "out",
                        .value = "DIR",
                        .help = "Where they are put together; may hold some of them "
                                "already.",
                        .required = true}}},
          merge};
}

}  // namespace bitsweep
