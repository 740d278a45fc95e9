// The script of a job array, as sbatch takes it.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace bitsweep {

/// A job array of Slurm each of whose tasks is one and the same command. Texts that are
/// empty leave the choice to Slurm.
struct JobScript {
  std::string made_by;  // the command line that asked for it
  std::string name;     // of the job
  int tasks = 1;
  int cpus = 1;  // of each task
  std::string memory;
  std::string time;
  std::string partition;
  std::string account;
  int notice_seconds = 120;       // before its time limit a task gets SIGUSR1
  std::vector<std::string> more;  // options of sbatch: "qos=low", "-C avx512"
  std::filesystem::path folder;   // in which the tasks begin
  std::filesystem::path logs;     // the folder of what they print
  std::vector<std::pair<std::string, std::string>> environment;
  std::vector<std::string> command;

  std::string text() const;
};

/// Seconds of a time limit as sbatch takes it ("90" minutes, "12:00:00", "2-12"; "0" and
/// "UNLIMITED" are infinite). Throws ConfigError.
double time_limit_seconds(const std::string& text);

/// Throws ConfigError where `text` is no amount of memory as sbatch takes it ("3G").
void check_memory_text(const std::string& text);

}  // namespace bitsweep
