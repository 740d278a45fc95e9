#include "framework/app/slurm/this_task.h"

#include <cstdlib>

#include <fmt/format.h>

#include "framework/app/slurm/ask_slurm.h"
#include "framework/core/error.h"

namespace bitsweep {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

// The number of an array's last task is also that of the whole array: tasks are named by
// their place in it.
std::optional<std::string> this_slurm_task() {
  const std::string array = variable("SLURM_ARRAY_JOB_ID");
  const std::string task = variable("SLURM_ARRAY_TASK_ID");
  if (!array.empty() && !task.empty()) return array + "_" + task;
  const std::string job = variable("SLURM_JOB_ID");
  if (job.empty()) return std::nullopt;
  return job;
}

void requeue(const std::string& task) {
  constexpr double kPatienceSeconds = 60;
  const auto answer = ask_slurm({"scontrol", "requeue", task}, kPatienceSeconds);
  if (answer && answer->succeeded) return;
  throw RunError(fmt::format(
      "Slurm did not take job {} back to start it again: {}; `bitsweep submit` goes on "
      "from there",
      task, answer ? answer->complaint : "there is no scontrol here"));
}

}  // namespace bitsweep
