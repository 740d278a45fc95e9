// Handing a job script to Slurm, and keeping it with the results.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "framework/app/slurm/job_script.h"

namespace bitsweep {

/// In a folder of results: the script of each job, `<job>.sh`, and what its tasks
/// printed, `<job>_<task>.log`.
std::filesystem::path slurm_folder(const std::filesystem::path& results);

/// Gives the script to sbatch and returns the job's number. Throws ConfigError with
/// sbatch's words where it is refused; nothing is left in the folder then.
std::string submit_script(const JobScript& script, const std::filesystem::path& results);

/// When the job of that task ("12_3") was submitted, by the clock of the folder; nothing
/// for one that `submit_script` did not make.
std::optional<std::filesystem::file_time_type> submission_time(
    const std::filesystem::path& results, const std::string& task);

/// The jobs that were submitted for a folder of results, the oldest first.
std::vector<std::string> submitted_jobs(const std::filesystem::path& results);

}  // namespace bitsweep
