// The job of Slurm that this process runs in.
#pragma once

#include <optional>
#include <string>

namespace bitsweep {

/// "12_3" for the third task of an array, "12" for a job; nothing outside of Slurm.
std::optional<std::string> this_slurm_task();

/// Has Slurm end this task and start it again, in its place of the queue. Throws RunError
/// with Slurm's words where it refuses.
void requeue(const std::string& task);

}  // namespace bitsweep
