// Slurm as its own commands tell of it: sbatch, squeue, scontrol.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace bitsweep {

struct SlurmAnswer {
  bool succeeded = false;
  std::vector<std::string> lines;  // of standard output, without empty ones
  std::string complaint;  // of standard error, as one sentence; or what went wrong
};

/// Calls one of Slurm's commands, by its name in PATH; nothing where it is not there. One
/// that has not ended after `patience_seconds` (Slurm's own retries may last minutes) is
/// ended and has not succeeded.
std::optional<SlurmAnswer> ask_slurm(const std::vector<std::string>& command,
                                     double patience_seconds);

}  // namespace bitsweep
