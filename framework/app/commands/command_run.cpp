// bitsweep run: what is not done yet of a study, and its table.

#include <algorithm>
#include <map>
#include <optional>
#include <thread>

#include <fmt/format.h>

#include "framework/app/commands/commands.h"
#include "framework/app/dry_run.h"
#include "framework/app/planned_study.h"
#include "framework/app/report_files.h"
#include "framework/app/schedule/batch.h"
#include "framework/app/schedule/interrupt.h"
#include "framework/app/schedule/kept_weights.h"
#include "framework/app/scheme_text.h"
#include "framework/app/slurm/submission.h"
#include "framework/app/slurm/this_task.h"
#include "framework/app/study.h"
#include "framework/core/counted.h"
#include "framework/core/error.h"
#include "framework/data/dataset.h"

namespace bitsweep {
namespace {

namespace fs = std::filesystem;

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
  options.schedule.ends_on_notice = arguments.has("requeue");
  return options;
}

std::string requeued_task(const Arguments& arguments) {
  if (!arguments.has("requeue")) return "";
  if (const auto task = this_slurm_task()) return *task;
  throw ConfigError(
      "run: --requeue: this is no job of Slurm's; `bitsweep submit` makes one");
}

// Nothing of ours may be under way: Slurm ends this process at once.
void start_again_later(const BatchResult& batch, const std::string& task) {
  if (batch.stood_still) {
    throw RunError(fmt::format(
        "the notice of its time limit came before any run got on, and would again: job "
        "{} is not started again; submit with more --time, or a shorter --notice",
        task));
  }
  print_note(fmt::format(
      "bitsweep: the time limit is near and runs are left: Slurm starts job {} again",
      task));
  requeue(task);
}

void tell_interrupted(const BatchResult& batch, const Plan& plan) {
  print_note(fmt::format(
      "bitsweep: interrupted; {} of {} runs are done and kept, the same command goes on "
      "from there",
      batch.done, plan.runs.size()));
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

int dry_run(const Arguments& arguments, const Session& session, const StudySpec& study,
            const fs::path& folder, int workers) {
  check_folder(folder, study, arguments);
  const Plan plan = plan_of(study, RunFiles(folder), plan_options(arguments, study));
  print_note(plan_summary(study.name, plan));
  for (const auto& note : scheme_notes(study)) print_note(note);
  print_out(dry_run_text(plan, session, data_folders(arguments.text("data-dir")), workers,
                         arguments.whole_number("threads", 1, 1)));
  return 0;
}

int run(const Arguments& arguments, Session& session) {
  BatchOptions options = batch_options(arguments);
  const std::string task = requeued_task(arguments);
  // What is wrong with the data is told before hours of training.
  const StudySpec study = checked_study(
      arguments, session, {.lost_rows = true, .missing_data = arguments.has("dry-run")});
  const fs::path folder = results_folder(arguments, study);
  if (arguments.has("dry-run")) {
    return dry_run(arguments, session, study, folder, options.schedule.workers);
  }

  const auto chosen = plan_options(arguments, study);
  check_folder(folder, study, arguments);
  std::optional<ResultsFolder> results(std::in_place, folder);
  RunFiles files(folder);
  const Plan plan = plan_of(study, files, chosen);
  print_note(plan_summary(study.name, plan));
  for (const auto& note : scheme_notes(study)) print_note(note);
  const fs::path table = table_folder(folder, arguments);
  const StudyManifest manifest = manifest_of(study, plan, files, table, arguments);
  write_manifest(manifest, table);

  options.keep = study.keep;
  if (!task.empty()) options.began = submission_time(folder, task);
  const BatchResult batch = run_batch(plan, files, *results, options);
  refuse_full_disk(batch, plan);
  if (study.keep != "state") drop_weights_of_done(plan, RunFiles(folder), study.keep);
  if (batch.interrupted) {
    tell_interrupted(batch, plan);
    results.reset();
    if (batch.on_notice) start_again_later(batch, task);
    return kInterruptedCode;
  }
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
                   {.name = "requeue",
                    .value = "",
                    .help = "In a job of Slurm's, as `bitsweep submit` makes it: at "
                            "SIGUSR1, the notice of its time limit, keep the state of "
                            "each run, stop, and have Slurm start the job again."},
                   {.name = "dry-run",
                    .value = "",
                    .help = "List what would be run and how long it would take, what "
                            "is done, and what is skipped and why, and stop."}}},
      run};
}

}  // namespace bitsweep
