#include "framework/app/slurm/job_status.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <map>
#include <set>
#include <sstream>

#include <fmt/format.h>

#include "framework/app/slurm/ask_slurm.h"
#include "framework/app/slurm/submission.h"
#include "framework/core/counted.h"

namespace bitsweep {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostTasks = 20;  // listed of a job
constexpr std::string_view kNone = "N/A";

// Behind each field stands a '|'. Widths are for the longest that make sense.
constexpr const char* kFields =
    "ArrayJobID:20|,ArrayTaskID:80|,State:20|,NodeList:200|,Reason:40|,TimeUsed:20|,"
    "RestartCnt:20|";

std::string trimmed(const std::string& text) {
  const auto begin = text.find_first_not_of(' ');
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

std::vector<std::string> fields_of(const std::string& line) {
  std::vector<std::string> fields;
  std::istringstream stream(line);
  for (std::string field; std::getline(stream, field, '|');) {
    fields.push_back(trimmed(field));
    if (fields.back() == kNone || fields.back() == "(null)") fields.back().clear();
  }
  return fields;
}

std::string state_word(std::string state, int restarts) {
  if (state == "PENDING" && restarts > 0) return "requeued";
  if (state.starts_with("REQUEUE")) return "requeued";
  for (char& c : state) c = char(std::tolower(static_cast<unsigned char>(c)));
  return state;
}

bool waits(const QueuedTask& task) {
  return task.state == "pending" || task.state == "requeued";
}

// What a reader looks for first comes first; what is finished well is not listed.
int rank_of(const QueuedTask& task) {
  if (task.state == "running") return 0;
  if (task.state == "requeued") return 1;
  if (task.state == "pending") return 2;
  return task.state == "completed" ? 4 : 3;
}

std::string task_line(const QueuedTask& task) {
  std::string text = fmt::format("  {}  {}", task.name, task.state);
  if (task.state == "running") {
    text += fmt::format(" on {} for {}", task.nodes, task.elapsed);
  }
  if (waits(task) && !task.reason.empty() && task.reason != "None") {
    text += fmt::format(" ({})", task.reason);
  }
  if (task.restarts > 0) text += fmt::format(", {}", counted(task.restarts, "restart"));
  return text + "\n";
}

std::string job_text(const std::string& job, std::vector<QueuedTask> tasks) {
  std::stable_sort(tasks.begin(), tasks.end(),
                   [](const auto& a, const auto& b) { return rank_of(a) < rank_of(b); });
  std::vector<std::pair<std::string, int>> counts;
  for (const auto& task : tasks) {
    if (counts.empty() || counts.back().first != task.state) {
      counts.emplace_back(task.state, 0);
    }
    ++counts.back().second;
  }
  std::vector<std::string> parts;
  for (const auto& [state, count] : counts) {
    parts.push_back(fmt::format("{} {}", count, state));
  }
  std::string text = fmt::format("\nSlurm job {}: {}: {}\n", job,
                                 counted(tasks.size(), "task"), fmt::join(parts, ", "));
  std::erase_if(tasks, [](const auto& task) { return task.state == "completed"; });
  for (std::size_t i = 0; i < std::min(tasks.size(), kMostTasks); ++i) {
    text += task_line(tasks[i]);
  }
  if (tasks.size() > kMostTasks) {
    text += fmt::format("  and {} more\n", tasks.size() - kMostTasks);
  }
  return text;
}

std::string unasked_text(const std::vector<std::string>& jobs, const std::string& why) {
  return fmt::format("\nSlurm {} {}: {}\n", jobs.size() == 1 ? "job" : "jobs",
                     fmt::join(jobs, ", "), why);
}

// A single job that Slurm has forgotten is an error to squeue; one of several is not.
bool is_forgotten(const SlurmAnswer& answer) {
  return !answer.succeeded &&
         answer.complaint.find("Invalid job id") != std::string::npos;
}

std::optional<SlurmAnswer> ask_squeue(const std::vector<std::string>& jobs) {
  constexpr double kPatienceSeconds = 10;
  return ask_slurm({"squeue", "--noheader", "--array", "--states=all",
                    fmt::format("--jobs={}", fmt::join(jobs, ",")),
                    fmt::format("--Format={}", kFields)},
                   kPatienceSeconds);
}

std::string text_of_jobs(const std::vector<std::string>& jobs, const fs::path& results) {
  const auto answer = ask_squeue(jobs);
  if (!answer) return unasked_text(jobs, "how they stand can be told where squeue is");
  if (!answer->succeeded && !is_forgotten(*answer)) {
    return unasked_text(jobs, "squeue does not tell: " + answer->complaint);
  }
  std::map<std::string, std::vector<QueuedTask>> tasks;
  for (auto& task : queued_tasks(answer->lines)) tasks[task.job].push_back(task);
  std::string text;
  std::vector<std::string> gone;
  for (const auto& job : jobs) {
    const auto found = tasks.find(job);
    if (found == tasks.end()) {
      gone.push_back(job);
    } else {
      text += job_text(job, found->second);
    }
  }
  if (gone.empty()) return text;
  const fs::path logs = slurm_folder(results) / (gone.back() + "_*.log");
  return text + unasked_text(gone, "no longer in the queue; logs: " + logs.string());
}

}  // namespace

std::vector<QueuedTask> queued_tasks(const std::vector<std::string>& squeue_lines) {
  std::vector<QueuedTask> tasks;
  for (const auto& line : squeue_lines) {
    const auto fields = fields_of(line);
    if (fields.size() < 7) continue;
    const int restarts = std::atoi(fields[6].c_str());
    tasks.push_back({fields[0], fields[0] + "_" + fields[1],
                     state_word(fields[2], restarts), fields[3], fields[4], fields[5],
                     restarts});
  }
  return tasks;
}

std::string job_status_text(const fs::path& results) {
  const auto jobs = submitted_jobs(results);
  return jobs.empty() ? "" : text_of_jobs(jobs, results);
}

std::vector<std::string> queued_jobs(const fs::path& results) {
  const auto jobs = submitted_jobs(results);
  const auto answer = jobs.empty() ? std::nullopt : ask_squeue(jobs);
  if (!answer) return {};
  std::set<std::string> queued;
  for (const auto& task : queued_tasks(answer->lines)) {
    if (task.state == "running" || waits(task)) queued.insert(task.job);
  }
  return {queued.begin(), queued.end()};
}

const std::string& JobStatus::text() {
  constexpr auto kAskEvery = std::chrono::seconds(20);
  const auto now = std::chrono::steady_clock::now();
  if (!asked_ || now - *asked_ >= kAskEvery) {
    text_ = job_status_text(results_);
    asked_ = now;
  }
  return text_;
}

}  // namespace bitsweep
