#include "framework/app/schedule/process_name.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <fmt/format.h>
#include <unistd.h>

namespace bitsweep {
namespace {

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::string host_name() {
  char name[256] = {};
  return gethostname(name, sizeof name - 1) == 0 ? name : "unknown";
}

// Names alone may be shared by machines, and numbers of processes by containers.
std::string machine_name() {
  std::error_code none;
  const auto numbers = std::filesystem::read_symlink("/proc/self/ns/pid", none);
  return first_line("/proc/sys/kernel/random/boot_id") + numbers.string();
}

struct ProcessState {
  char letter = 'X';  // Z: ended, and its parent has not looked yet
  std::string born;
};

// Nothing when there is no such process. Its name stands in parentheses, and may hold
// anything.
std::optional<ProcessState> state_of(int pid) {
  const std::string line = first_line(fmt::format("/proc/{}/stat", pid));
  const auto name_end = line.rfind(')');
  if (name_end == line.npos) return std::nullopt;
  std::istringstream fields(line.substr(name_end + 1));
  ProcessState state;
  fields >> state.letter;
  constexpr int kBornField = 22;  // of proc(5), from 1; the letter is the third
  for (int field = 4; field <= kBornField; ++field) fields >> state.born;
  return state;
}

}  // namespace

ProcessName this_process() {
  const int pid = getpid();
  const auto state = state_of(pid);
  return {host_name(), machine_name(), pid, state ? state->born : ""};
}

std::optional<bool> is_alive(const ProcessName& process) {
  const ProcessName here = this_process();
  if (process.host != here.host || process.machine != here.machine) return std::nullopt;
  const auto state = state_of(process.pid);
  return state && state->letter != 'Z' && state->letter != 'X' &&
         state->born == process.born;
}

std::string text_of(const ProcessName& process) {
  return fmt::format("{} (process {})", process.host, process.pid);
}

}  // namespace bitsweep
