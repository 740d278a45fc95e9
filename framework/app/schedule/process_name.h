// Which process on which machine: for files that say whose they are.
#pragma once

#include <optional>
#include <string>

namespace bitsweep {

/// A process, told apart from all others on all machines.
struct ProcessName {
  std::string host;
  std::string machine;  // its present start of the system, and the space of its numbers
  int pid = 0;
  std::string born;  // when the process began, as the system counts

  bool operator==(const ProcessName&) const = default;
};

/// This process.
ProcessName this_process();

/// Nothing where the process is not of this machine: only its signs of life can tell.
std::optional<bool> is_alive(const ProcessName& process);

/// "node7 (process 4711)".
std::string text_of(const ProcessName& process);

}  // namespace bitsweep
