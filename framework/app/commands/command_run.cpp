// bitsweep run: what is not done yet of a study, and its table.

#include <algorithm>
#include <map>
#include <thread>

#include <fmt/format.h>

#include "framework/app/commands/commands.h"
#include "framework/app/report_files.h"
#include "framework/app/schedule/batch.h"
#include "framework/app/schedule/interrupt.h"
#include "framework/app/study.h"
#include "framework/core/error.h"
#include "framework/data/dataset.h"

namespace bitsweep {
namespace {

namespace fs = std::filesystem;

fs::path results_folder(const Arguments& arguments, const StudySpec& study) {
  return arguments.text("out", "results/" + study.name);
}

Plan plan_of(const StudySpec& study, const RunFiles& files) {
  return make_plan(study,
                   [&](const std::string& digest) { return files.state_of(digest); });
}

// Files that are missing or damaged are told of before hours of training, not after.
void check_data(const Plan& plan, const std::vector<fs::path>& folders) {
  std::vector<RawParams> seen;
  for (const auto& run : plan.runs) {
    if (run.state == RunState::kDone) continue;
    auto dataset = DatasetSpec::schema().write(run.spec.dataset);
    if (std::find(seen.begin(), seen.end(), dataset) != seen.end()) continue;
    load_dataset(run.spec.dataset, folders);
    seen.push_back(std::move(dataset));
  }
}

int default_jobs(int threads) {
  return std::max(1, int(std::thread::hardware_concurrency()) / threads);
}

BatchOptions batch_options(const Arguments& arguments) {
  const int threads = arguments.whole_number("threads", 1, 1);
  BatchOptions options{
      .workers = arguments.whole_number("jobs", default_jobs(threads), 1),
      .worker_command = {fs::read_symlink("/proc/self/exe").string(), "worker",
                         "--threads", std::to_string(threads)}};
  const auto pass_on = [&](const std::string& option) {
    for (const auto& value : arguments.all(option)) {
      options.worker_command.insert(options.worker_command.end(), {"--" + option, value});
    }
  };
  pass_on("data-dir");
  pass_on("plugin");
  return options;
}

StudyManifest manifest_of(const StudySpec& study, const Plan& plan, const RunFiles& files,
                          const fs::path& folder) {
  std::map<std::string, const PlannedRun*> by_digest;
  for (const auto& run : plan.runs) by_digest[run.digest] = &run;
  return make_manifest(study, [&](const RunSpec& spec) -> RunName {
    const PlannedRun& run = *by_digest.at(digest(spec, kResultsVersion));
    const PlannedRun& baseline = run.baseline ? plan.runs[*run.baseline] : run;
    return {run.digest, baseline.digest,
            files.path_of(run).lexically_relative(folder).string()};
  });
}

// What decides the runs beside the study's file, as a shell takes it.
std::string deciding_options(const Arguments& arguments) {
  std::string text;
  for (const std::string option : {"set", "plugin"}) {
    for (const auto& value : arguments.all(option)) {
      text += fmt::format(" --{} {}", option, shell_word(value));
    }
  }
  return text;
}

int tell_interrupted(const BatchResult& batch, const Plan& plan) {
  print_note(fmt::format(
      "bitsweep: interrupted; {} of {} runs are done and kept, the same command goes on "
      "from there",
      batch.done, plan.runs.size()));
  return kInterruptedCode;
}

int tell_failures(const BatchResult& batch) {
  for (const auto& run : batch.failed) {
    print_note(fmt::format("bitsweep: failed: {}: {}", run.label, run.why));
  }
  if (batch.failed.empty()) return 0;
  print_note("bitsweep: the same command tries again what failed");
  return 1;
}

// A folder holds one study, or its table would be lost to the next one's.
void check_folder(const fs::path& folder, const StudySpec& study) {
  std::string held;
  try {
    held = read_manifest(folder).name;
  } catch (const DataError&) {
    return;  // none, or none that can be read: this study writes its own
  }
  if (held == study.name) return;
  throw ConfigError(
      fmt::format("--out: {} holds the study '{}', this one is '{}'; give another folder",
                  folder.string(), held, study.name));
}

int dry_run(const StudySpec& study, const fs::path& folder) {
  const Plan plan = plan_of(study, RunFiles(folder));
  print_note(plan_summary(study.name, plan));
  print_out(plan_listing(plan));
  return 0;
}

int run(const Arguments& arguments, Session& session) {
  const BatchOptions options = batch_options(arguments);
  const StudySpec study = checked_study(arguments, session, LostRows::kTell);
  const fs::path folder = results_folder(arguments, study);
  if (arguments.has("dry-run")) return dry_run(study, folder);

  check_folder(folder, study);
  const RunFiles files(folder);
  check_data(plan_of(study, files), data_folders(arguments.text("data-dir")));
  const ResultsLock lock(folder);
  const Plan plan = plan_of(study, files);
  print_note(plan_summary(study.name, plan));
  StudyManifest manifest = manifest_of(study, plan, files, folder);
  manifest.options = deciding_options(arguments);
  write_manifest(manifest, folder);

  const BatchResult batch = run_batch(plan, files, lock, options);
  if (batch.interrupted) return tell_interrupted(batch, plan);
  print_out(write_reports(build_report(manifest, records_in(folder)), folder));
  return tell_failures(batch);
}

}  // namespace

Command run_command() {
  return {
      {.command = "run",
       .summary = "Run what is not done yet of a study, and print its table.",
       .positionals = {{"STUDY", "The study's YAML file."}},
       .options = {{.name = "jobs",
                    .value = "N",
                    .help = "Runs at a time, each in a process of its own (as many as "
                            "there are cores for their threads)."},
                   {.name = "threads", .value = "N", .help = "Threads of each run (1)."},
                   data_folder_option(),
                   {.name = "out",
                    .value = "DIR",
                    .help = "Where records and reports go (results/<study>)."},
                   override_option(),
                   plugin_option(),
                   {.name = "dry-run",
                    .value = "",
                    .help = "List the runs and which of them are done, and stop."}}},
      run};
}

}  // namespace bitsweep
