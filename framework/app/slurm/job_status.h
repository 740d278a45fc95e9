// What Slurm says of the jobs that were submitted for a folder of results.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace bitsweep {

/// A task of a job array, as squeue tells of it.
struct QueuedTask {
  std::string job;      // "12"
  std::string name;     // "12_3"
  std::string state;    // "pending", "running", "requeued", "failed"
  std::string nodes;    // "node7", or ""
  std::string reason;   // why it does not run: "Resources"; or ""
  std::string elapsed;  // "1:02:03"
  int restarts = 0;
};

/// Of lines that squeue writes as `job_status_text` asks for them; others are passed over.
std::vector<QueuedTask> queued_tasks(const std::vector<std::string>& squeue_lines);

/// Lines for `status`: the jobs with the state of each task. "" where nothing was
/// submitted; where squeue is not there or does not answer, a sentence says so.
std::string job_status_text(const std::filesystem::path& results);

/// The jobs of the folder that Slurm still has something to do for; none where it cannot
/// be asked.
std::vector<std::string> queued_jobs(const std::filesystem::path& results);

/// The same to be shown again and again: Slurm is asked at most every 20 s.
class JobStatus {
 public:
  explicit JobStatus(std::filesystem::path results) : results_(std::move(results)) {}
  const std::string& text();

 private:
  std::filesystem::path results_;
  std::optional<std::chrono::steady_clock::time_point> asked_;
  std::string text_;
};

}  // namespace bitsweep
