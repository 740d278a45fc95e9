// bitsweep submit: a study as a job array of Slurm, whose tasks share its runs.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <map>
#include <string_view>

#include <fmt/format.h>
#include <unistd.h>

#include "framework/app/commands/commands.h"
#include "framework/app/planned_study.h"
#include "framework/app/scheme_text.h"
#include "framework/app/slurm/job_script.h"
#include "framework/app/slurm/job_status.h"
#include "framework/app/slurm/submission.h"
#include "framework/app/slurm/task_memory.h"
#include "framework/app/study.h"
#include "framework/core/counted.h"
#include "framework/core/error.h"

namespace bitsweep {
namespace {

namespace fs = std::filesystem;

// What each task hands on to `run`, beside what is made here.
constexpr std::array kOfRun = {"set",        "plugin",  "only",
                               "checkpoint", "timeout", "retries"};

struct TaskSize {
  int jobs = 1;     // runs at a time
  int threads = 1;  // of each
  int cpus = 1;
};

TaskSize task_size(const Arguments& arguments) {
  TaskSize size;
  size.threads = arguments.whole_number("threads", 1, 1);
  const int cpus = arguments.whole_number("cpus", 0, 1);
  size.jobs = arguments.whole_number("jobs", std::max(1, cpus / size.threads), 1);
  const std::int64_t needed = std::int64_t{size.jobs} * size.threads;
  constexpr int kMost = 1'000'000;  // far above any machine
  size.cpus = cpus > 0 ? cpus : int(std::min<std::int64_t>(needed, kMost));
  if (needed <= size.cpus) return size;
  throw ConfigError(fmt::format("submit: --cpus {}: {} at a time with {} each need {}",
                                size.cpus, counted(size.jobs, "run"),
                                counted(size.threads, "thread"), needed));
}

std::string checked_line(const Arguments& arguments, const std::string& option) {
  const std::string text = arguments.text(option);
  if (arguments.has(option) && text.empty()) {
    throw ConfigError(fmt::format(
        "submit: --{}: is empty; give a value, or leave the option out", option));
  }
  if (text.find_first_of("\n\r") == std::string::npos) return text;
  throw ConfigError(fmt::format("submit: --{}: has to be one line", option));
}

// Slurm gives the notice up to a minute early; what is left must be worth a start.
void check_time(const JobScript& script) {
  if (script.time.empty()) return;
  const double limit = time_limit_seconds(script.time);
  const double least = script.notice_seconds + 120.0;
  if (limit >= least) return;
  throw ConfigError(fmt::format(
      "submit: --time: {} is {:g} s; with a notice of {} s, which may come a minute "
      "early, a task needs {:g} s at least; give more time, or a shorter --notice",
      script.time, limit, script.notice_seconds, least));
}

// "900M": whole hundreds, upwards.
std::string memory_option(const Arguments& arguments, const Plan& plan,
                          const TaskSize& size, const Session& session) {
  if (arguments.has("memory")) return arguments.text("memory");
  const auto bytes = task_memory(plan, size.jobs, session);
  if (!bytes) return "";
  constexpr double kHundredMegabytes = 100.0 * (1 << 20);
  return fmt::format("{:.0f}M", 100 * std::ceil(*bytes / kHundredMegabytes));
}

// Variables of ours decide how runs are made; a site may not hand them on.
std::vector<std::pair<std::string, std::string>> own_environment() {
  std::vector<std::pair<std::string, std::string>> own;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const auto equals = text.find('=');
    if (equals == text.npos || !text.starts_with("BITSWEEP_")) continue;
    own.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  std::sort(own.begin(), own.end());
  return own;
}

std::vector<std::string> task_command(const Arguments& arguments, const fs::path& folder,
                                      const TaskSize& size) {
  std::vector<std::string> command = {fs::read_symlink("/proc/self/exe").string(),
                                      "run",
                                      arguments.positional(0),
                                      "--out",
                                      folder.string(),
                                      "--jobs",
                                      std::to_string(size.jobs),
                                      "--threads",
                                      std::to_string(size.threads)};
  if (arguments.has("data-dir")) {
    command.insert(command.end(),
                   {"--data-dir", fs::absolute(arguments.text("data-dir")).string()});
  }
  for (const std::string option : kOfRun) {
    for (const auto& value : arguments.all(option)) {
      command.insert(command.end(), {"--" + option, value});
    }
  }
  command.push_back("--requeue");
  return command;
}

// What the script says already; sbatch would take the later line.
void refuse_own_option(const std::string& option) {
  static const std::map<std::string, std::string> kOwn = {
      {"array", "--array"},         {"time", "--time"},       {"mem", "--memory"},
      {"partition", "--partition"}, {"account", "--account"}, {"signal", "--notice"},
      {"cpus-per-task", "--cpus"}};
  const auto begin = std::min(option.find_first_not_of('-'), option.size());
  const auto found = kOwn.find(option.substr(begin, option.find('=') - begin));
  if (found == kOwn.end()) return;
  throw ConfigError(fmt::format(
      "submit: --sbatch {}: the script has it from {}; use that", option, found->second));
}

// What of it can be wrong is refused before the study is read.
JobScript asked_script(const Arguments& arguments, const TaskSize& size) {
  JobScript script;
  script.made_by = arguments.command_line();
  script.cpus = size.cpus;
  script.time = checked_line(arguments, "time");
  script.partition = checked_line(arguments, "partition");
  script.account = checked_line(arguments, "account");
  script.notice_seconds = arguments.whole_number("notice", script.notice_seconds, 1);
  script.more = arguments.all("sbatch");
  for (const auto& option : script.more) {
    if (option.empty() || option.find_first_of("\n\r") != std::string::npos) {
      throw ConfigError("submit: --sbatch: takes one option of sbatch, as in qos=low");
    }
    refuse_own_option(option);
  }
  if (arguments.has("memory")) check_memory_text(arguments.text("memory"));
  check_time(script);
  // What `run` would refuse in each task.
  for (const std::string option : {"checkpoint", "timeout"}) {
    arguments.positive_number(option, 1);
  }
  arguments.whole_number("retries", 0, 0);
  return script;
}

// No more tasks than there are runs for.
int useful_tasks(int asked, std::size_t runs, int jobs) {
  const int needed = int((runs + std::size_t(jobs) - 1) / std::size_t(jobs));
  if (asked > needed) {
    print_note(fmt::format("bitsweep: {} for {}: --array {} asks for more than can work",
                           counted(needed, "task"), counted(runs, "run"), asked));
  }
  return std::min(asked, needed);
}

void tell_queued(const fs::path& folder) {
  const auto queued = queued_jobs(folder);
  if (queued.empty()) return;
  print_note(fmt::format(
      "bitsweep: {} {} of this folder {} not finished yet; the new tasks share the runs "
      "with those",
      queued.size() == 1 ? "job" : "jobs", fmt::join(queued, ", "),
      queued.size() == 1 ? "has" : "have"));
}

void tell_submitted(const std::string& job, const JobScript& script, std::size_t runs,
                    const fs::path& folder) {
  const fs::path own = slurm_folder(folder) / job;
  print_out(
      fmt::format("submitted: Slurm job {}, {} for {}\nscript: {}.sh, logs: {}_*.log\n"
                  "next: bitsweep status {}\n",
                  job, counted(script.tasks, "task"), counted(runs, "run"), own.string(),
                  own.string(), shell_word(folder.string())));
}

int submit(const Arguments& arguments, Session& session) {
  const TaskSize size = task_size(arguments);
  JobScript script = asked_script(arguments, size);
  const int asked_tasks = arguments.whole_number("array", 1, 1);
  const bool is_dry = arguments.has("dry-run");
  const StudySpec study =
      checked_study(arguments, session, {.lost_rows = true, .missing_data = is_dry});
  const fs::path folder =
      fs::absolute(results_folder(arguments, study)).lexically_normal();
  check_folder(folder, study, arguments);
  const RunFiles files(folder);
  const Plan plan = plan_of(study, files, plan_options(arguments, study));
  print_note(plan_summary(study.name, plan));
  for (const auto& note : scheme_notes(study)) print_note(note);
  const int code = tell_damaged(plan) ? 1 : 0;

  const std::size_t runs = plan.count(RunState::kMissing) + plan.count(RunState::kFailed);
  if (runs == 0) {
    print_note(fmt::format(
        "bitsweep: no run is left to do, so nothing was submitted; `bitsweep report {}` "
        "prints the table",
        shell_word(folder.string())));
    return code;
  }
  script.name = study.name;
  script.tasks = useful_tasks(asked_tasks, runs, size.jobs);
  script.memory = memory_option(arguments, plan, size, session);
  script.folder = fs::current_path();
  script.logs = slurm_folder(folder);
  script.environment = own_environment();
  script.command = task_command(arguments, folder, size);
  if (is_dry) {
    print_out(script.text());
    return code;
  }
  tell_queued(folder);
  const std::string job = submit_script(script, folder);
  tell_submitted(job, script, runs, folder);
  // For `status`, until the first task writes it.
  const fs::path table = table_folder(folder, arguments);
  write_manifest(manifest_of(study, plan, files, table, arguments), table);
  return code;
}

// As `run` describes it.
OptionInfo option_of_run(const std::string& name) {
  const auto options = run_command().syntax.options;
  const auto option = std::find_if(options.begin(), options.end(),
                                   [&](const auto& one) { return one.name == name; });
  ensure(option != options.end(), "what submit hands on is an option of run");
  return *option;
}

}  // namespace

Command submit_command() {
  std::vector<OptionInfo> options = {
      {.name = "array",
       .value = "N",
       .help = "Tasks: Slurm starts up to N of them at the same time, on one machine or "
               "many, and they share the runs (1)."},
      {.name = "time",
       .value = "LIMIT",
       .help = "Time limit of a task: minutes, 12:00:00 or 2-12 (days-hours). Before it "
               "ends, a task keeps the state of its runs and is started again "
               "(the partition's)."},
      {.name = "partition",
       .value = "NAME",
       .help = "The partition it goes to (the cluster's default)."},
      {.name = "account",
       .value = "NAME",
       .help = "The account it is charged to (your default)."},
      {.name = "jobs",
       .value = "N",
       .help = "Runs at a time of each task (as many as --cpus has for their threads; "
               "1)."},
      {.name = "threads", .value = "N", .help = "Threads of each run (1)."},
      {.name = "cpus",
       .value = "N",
       .help = "Cores of each task (what its runs' threads need)."},
      {.name = "memory",
       .value = "SIZE",
       .help = "Memory of each task, 3G or 1500M (estimated from the study)."},
      {.name = "notice",
       .value = "SECONDS",
       .help = "How long before its time limit a task stops to be started again (120)."},
      {.name = "sbatch",
       .value = "OPTION",
       .help = "Another option of sbatch, without its dashes: qos=low.",
       .repeated = true},
      data_folder_option(),
      option_of_run("out")};
  for (const std::string name : kOfRun) options.push_back(option_of_run(name));
  options.push_back({.name = "dry-run",
                     .value = "",
                     .help = "Print the script, and submit and write nothing."});
  return {
      {.command = "submit",
       .summary = "Submit a study to Slurm, as an array of tasks that share its runs.",
       .positionals = {{"STUDY", "The study's YAML file."}},
       .options = std::move(options)},
      submit,
      /*hidden=*/false,
      /*runs_elsewhere=*/true};
}

}  // namespace bitsweep
