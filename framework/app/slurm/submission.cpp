#include "framework/app/slurm/submission.h"

#include <algorithm>
#include <system_error>

#include <fmt/format.h>
#include <unistd.h>

#include "framework/app/slurm/ask_slurm.h"
#include "framework/core/error.h"
#include "framework/results/whole_file.h"

namespace bitsweep {
namespace {

namespace fs = std::filesystem;

bool is_number(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

// Folders on the way to `path` that are not there yet, the innermost first.
std::vector<fs::path> missing_folders(const fs::path& path) {
  std::vector<fs::path> missing;
  std::error_code unknown;
  for (fs::path folder = path; !folder.empty() && !fs::exists(folder, unknown);
       folder = folder.parent_path()) {
    missing.push_back(folder);
  }
  return missing;
}

// "12" of "12;cluster", the last line: a site's sbatch may greet before.
std::string job_number(const SlurmAnswer& answer) {
  if (answer.lines.empty()) return "";
  const std::string& line = answer.lines.back();
  const std::string number = line.substr(0, line.find(';'));
  return is_number(number) ? number : "";
}

std::string accepted_job(const std::optional<SlurmAnswer>& answer) {
  if (!answer) {
    throw ConfigError(
        "submit: there is no sbatch here; submit from a machine of the cluster that has "
        "it, or look at the script by --dry-run");
  }
  if (!answer->succeeded) {
    throw ConfigError(
        fmt::format("submit: sbatch refused the job: {}", answer->complaint));
  }
  const std::string job = job_number(*answer);
  if (!job.empty()) return job;
  throw ConfigError(fmt::format("submit: sbatch said '{}', expected the job's number",
                                fmt::join(answer->lines, " ")));
}

}  // namespace

fs::path slurm_folder(const fs::path& results) { return results / "slurm"; }

std::string submit_script(const JobScript& script, const fs::path& results) {
  const fs::path folder = slurm_folder(results);
  const auto made = missing_folders(folder);
  std::error_code failure;
  fs::create_directories(folder, failure);
  if (failure) {
    throw ConfigError(
        fmt::format("{}: results cannot be written there: {}; choose another folder with "
                    "--out",
                    folder.string(), failure.message()));
  }
  // Its name is known once Slurm, which keeps a copy, has taken it.
  const fs::path draft = folder / fmt::format("script-{}.tmp", getpid());
  try {
    write_whole_file(draft, script.text());
    constexpr double kPatienceSeconds = 120;
    const std::string job = accepted_job(
        ask_slurm({"sbatch", "--parsable", draft.string()}, kPatienceSeconds));
    fs::rename(draft, folder / (job + ".sh"));
    return job;
  } catch (...) {
    fs::remove(draft, failure);
    for (const auto& one : made) fs::remove(one, failure);  // where it is still empty
    throw;
  }
}

std::optional<fs::file_time_type> submission_time(const fs::path& results,
                                                  const std::string& task) {
  const std::string job = task.substr(0, task.find('_'));
  std::error_code missing;
  const auto time = fs::last_write_time(slurm_folder(results) / (job + ".sh"), missing);
  if (missing) return std::nullopt;
  return time;
}

std::vector<std::string> submitted_jobs(const fs::path& results) {
  std::vector<std::string> jobs;
  std::error_code missing;
  for (const auto& entry : fs::directory_iterator(slurm_folder(results), missing)) {
    const std::string job = entry.path().stem().string();
    if (entry.path().extension() == ".sh" && is_number(job)) jobs.push_back(job);
  }
  std::sort(jobs.begin(), jobs.end(), [](const auto& a, const auto& b) {
    return std::pair(a.size(), a) < std::pair(b.size(), b);
  });
  return jobs;
}

}  // namespace bitsweep
