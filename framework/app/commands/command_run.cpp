// bitsweep run: what is not done yet of a study, and its table.

#include <algorithm>
#include <map>
#include <thread>

#include <fmt/format.h>

#include "framework/app/commands/commands.h"
#include "framework/app/dry_run.h"
#include "framework/app/report_files.h"
#include "framework/app/schedule/batch.h"
#include "framework/app/schedule/interrupt.h"
#include "framework/app/schedule/kept_weights.h"
#include "framework/app/scheme_text.h"
#include "framework/app/study.h"
#include "framework/config/row_filter.h"
#include "framework/core/counted.h"
#include "framework/core/error.h"
#include "framework/data/dataset.h"

namespace bitsweep {
namespace {

namespace fs = std::filesystem;

fs::path results_folder(const Arguments& arguments, const StudySpec& study) {
  return arguments.text("out", "results/" + study.name);
}

PlanOptions plan_options(const Arguments& arguments, const StudySpec& study) {
  PlanOptions options{.force = arguments.has("force")};
  if (arguments.has("shard")) options.shard = Shard::parse(arguments.text("shard"));
  if (arguments.has("only")) {
    const RowFilter filter(arguments.text("only"));
    filter.check(study);
    options.chosen = [filter](const RowSpec& row, const RunSpec& run) {
      return filter.matches(row, run);
    };
  }
  return options;
}

Plan plan_of(const StudySpec& study, const RunFiles& files, const PlanOptions& options) {
  return make_plan(
      study, [&](const std::string& digest) { return files.find(digest); }, options);
}

// A record that cannot be trusted is the user's to look at: it is told of, and neither
// written over nor in the way of others.
bool tell_damaged(const Plan& plan) {
  bool any = false;
  for (const auto& run : plan.runs) {
    if (run.state != RunState::kDamaged) continue;
    any = true;
    const auto seed = run.label.rfind(", seed ");
    print_note(fmt::format(
        "bitsweep: damaged: {}: {}; delete it and run the same command, or: --force "
        "--only {}",
        run.label, run.why,
        shell_word(fmt::format("label == '{}' && seed == {}", run.label.substr(0, seed),
                               run.spec.seed))));
  }
  return any;
}

int default_jobs(int threads) {
  return std::max(1, int(std::thread::hardware_concurrency()) / threads);
}

BatchOptions batch_options(const Arguments& arguments) {
  const int threads = arguments.whole_number("threads", 1, 1);
  BatchOptions options{
      .schedule = {.workers = arguments.whole_number("jobs", default_jobs(threads), 1),
                   .timeout_seconds = 60 * arguments.positive_number("timeout", 0),
                   .retries = arguments.whole_number("retries", 0, 0),
                   .fail_fast = arguments.has("fail-fast")},
      .worker_command = {fs::read_symlink("/proc/self/exe").string(), "worker",
                         "--threads", std::to_string(threads)}};
  const auto pass_on = [&](const std::string& option) {
    for (const auto& value : arguments.all(option)) {
      options.worker_command.insert(options.worker_command.end(), {"--" + option, value});
    }
  };
  pass_on("data-dir");
  pass_on("plugin");
  options.checkpoint_minutes = arguments.positive_number("checkpoint", 5);
  return options;
}

StudyManifest manifest_of(const StudySpec& study, const Plan& plan, const RunFiles& files,
                          const fs::path& folder) {
  std::map<std::string, const PlannedRun*> by_digest;
  for (const auto& run : plan.runs) by_digest[run.digest] = &run;
  auto names = plan.digests.begin();
  return make_manifest(study, [&](const RunSpec&) -> RunName {
    const PlannedRun& run = *by_digest.at(names->own);
    return {run.digest, (names++)->control,
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

void refuse_full_disk(const BatchResult& batch, const Plan& plan) {
  if (batch.disk_full.empty()) return;
  throw RunError(fmt::format(
      "the disk is full: {}; {} of {} runs are done and kept, nothing more was run; make "
      "room, and the same command goes on from there",
      batch.disk_full, batch.done, plan.runs.size()));
}

void tell_held(const BatchResult& batch) {
  if (batch.held.empty()) return;
  std::map<std::string, std::size_t> runs;
  for (const auto& run : batch.held) ++runs[run.holder];
  std::vector<std::string> parts;
  for (const auto& [holder, count] : runs) {
    parts.push_back(fmt::format("{} by {}", count, holder.empty() ? "others" : holder));
  }
  print_note(fmt::format(
      "bitsweep: {} still under way elsewhere ({}); the table has what is there now",
      counted(batch.held.size(), "run"), fmt::join(parts, ", ")));
}

int tell_failures(const BatchResult& batch) {
  for (const auto& run : batch.failed) {
    print_note(fmt::format("bitsweep: failed: {}: {}", run.label, run.why));
  }
  if (batch.failed.empty()) return 0;
  if (batch.failed_fast) {
    print_note("bitsweep: nothing more was started, by --fail-fast");
  }
  print_note("bitsweep: the same command tries again what failed");
  return 1;
}

// One that is damaged is told of, not written over.
void check_manifest_there(const fs::path& folder) {
  if (fs::exists(manifest_path(folder))) read_manifest(folder);
}

// A folder holds one study, or its table would be lost to the next one's.
void check_folder(const fs::path& folder, const StudySpec& study) {
  if (!fs::exists(manifest_path(folder))) return;
  const std::string held = read_manifest(folder).name;
  if (held == study.name) return;
  throw ConfigError(
      fmt::format("--out: {} holds the study '{}', this one is '{}'; give another folder",
                  folder.string(), held, study.name));
}

int dry_run(const Arguments& arguments, const Session& session, const StudySpec& study,
            const fs::path& folder, int workers) {
  const Plan plan = plan_of(study, RunFiles(folder), plan_options(arguments, study));
  print_note(plan_summary(study.name, plan));
  for (const auto& note : scheme_notes(study)) print_note(note);
  print_out(dry_run_text(plan, session, data_folders(arguments.text("data-dir")), workers,
                         arguments.whole_number("threads", 1, 1)));
  return 0;
}

// A variant's table has a folder of its own: that of the study stays.
fs::path table_folder(const fs::path& folder, const Arguments& arguments) {
  const fs::path variant = variant_folder(arguments.all("set"));
  if (variant.empty()) return folder;
  check_manifest_there(folder / variant);
  std::error_code failure;
  fs::create_directories(folder / variant, failure);
  if (failure) {
    throw ConfigError(
        fmt::format("{}: results cannot be written there: {}; choose another folder with "
                    "--out",
                    (folder / variant).string(), failure.message()));
  }
  print_note(
      fmt::format("a variant of the study; its table: {}", (folder / variant).string()));
  return folder / variant;
}

int run(const Arguments& arguments, Session& session) {
  BatchOptions options = batch_options(arguments);
  // What is wrong with the data is told before hours of training.
  const StudySpec study = checked_study(
      arguments, session, {.lost_rows = true, .missing_data = arguments.has("dry-run")});
  const fs::path folder = results_folder(arguments, study);
  if (arguments.has("dry-run")) {
    return dry_run(arguments, session, study, folder, options.schedule.workers);
  }

  const auto chosen = plan_options(arguments, study);
  check_folder(folder, study);
  ResultsFolder results(folder);
  RunFiles files(folder);
  const Plan plan = plan_of(study, files, chosen);
  print_note(plan_summary(study.name, plan));
  for (const auto& note : scheme_notes(study)) print_note(note);
  const fs::path table = table_folder(folder, arguments);
  StudyManifest manifest = manifest_of(study, plan, files, table);
  manifest.options = deciding_options(arguments);
  write_manifest(manifest, table);

  options.keep = study.keep;
  const BatchResult batch = run_batch(plan, files, results, options);
  refuse_full_disk(batch, plan);
  if (study.keep != "state") drop_weights_of_done(plan, RunFiles(folder), study.keep);
  if (batch.interrupted) return tell_interrupted(batch, plan);
  print_out(write_reports(build_report(manifest, records_in(table)), table));
  tell_held(batch);
  const bool any_damaged = tell_damaged(plan);
  return std::max(tell_failures(batch), any_damaged ? 1 : 0);
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
                    .help = "Where records and reports go (results/<study>); with --set, "
                            "reports go to its variants/<settings>."},
                   override_option(),
                   plugin_option(),
                   {.name = "only",
                    .value = "EXPR",
                    .help = "Run those rows alone of which this is true: 'method == lsq "
                            "&& weight_bits <= 3'. Names are label, group, method, "
                            "network, dataset, seed, a method's parameters, and keys by "
                            "their path: fine_tuning.epochs."},
                   {.name = "force",
                    .value = "",
                    .help = "Run again what is done already, or damaged."},
                   {.name = "checkpoint",
                    .value = "MINUTES",
                    .help = "Keep the state of each run under way that often, and when "
                            "a signal ends it (SIGINT, SIGTERM) or asks for it "
                            "(SIGUSR1); the same command goes on from there (5)."},
                   {.name = "shard",
                    .value = "I/N",
                    .help = "Of N shares of the runs the I-th alone, and what these "
                            "begin with; for machines that share no folder (`bitsweep "
                            "merge` puts their results together)."},
                   {.name = "timeout",
                    .value = "MINUTES",
                    .help = "End a run that is not finished by then; it has failed "
                            "(no limit)."},
                   {.name = "retries",
                    .value = "N",
                    .help = "Try a run again, up to N times, whose process crashed, was "
                            "killed or timed out, or that could not read its data (0)."},
                   {.name = "fail-fast",
                    .value = "",
                    .help = "Start nothing more once a run has failed."},
                   {.name = "dry-run",
                    .value = "",
                    .help = "List what would be run and how long it would take, what "
                            "is done, and what is skipped and why, and stop."}}},
      run};
}

}  // namespace bitsweep
