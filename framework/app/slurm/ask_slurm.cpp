#include "framework/app/slurm/ask_slurm.h"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <sstream>

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include "framework/app/schedule/worker_process.h"

namespace bitsweep {
namespace {

namespace fs = std::filesystem;
using AnswerClock = std::chrono::steady_clock;

// The file of a command, or "".
std::string found_in_path(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    const fs::path file = fs::path(folder) / name;
    std::error_code none;
    if (fs::is_regular_file(file, none) && access(file.c_str(), X_OK) == 0) {
      return file.string();
    }
  }
  return "";
}

// "sbatch: error: no such partition" without what its reader knows.
std::string without_head(std::string line, const std::string& name) {
  for (const std::string& head : {name + ": ", std::string("error: ")}) {
    if (line.starts_with(head)) line.erase(0, head.size());
  }
  return line;
}

void append(std::vector<std::string>& lines, std::vector<std::string>&& more) {
  lines.insert(lines.end(), more.begin(), more.end());
}

}  // namespace

std::optional<SlurmAnswer> ask_slurm(const std::vector<std::string>& command,
                                     double patience_seconds) {
  const std::string name = command.front();
  std::vector<std::string> words = command;
  words.front() = found_in_path(name);
  if (words.front().empty()) return std::nullopt;

  const auto end = AnswerClock::now() + std::chrono::duration<double>(patience_seconds);
  WorkerProcess process(words, "");
  SlurmAnswer answer;
  std::vector<std::string> complaints;
  const auto hear = [&] {
    append(answer.lines, process.output().read());
    append(complaints, process.complaints().read());
  };
  while (!process.has_exited()) {
    if (AnswerClock::now() > end) {
      process.kill();
      process.wait();
      answer.complaint = fmt::format("no answer for {:g} s", patience_seconds);
      return answer;
    }
    pollfd entries[] = {{process.output().descriptor(), POLLIN, 0},
                        {process.complaints().descriptor(), POLLIN, 0}};
    constexpr int kMilliseconds = 20;
    poll(entries, std::size(entries), kMilliseconds);
    hear();
  }
  const int status = process.wait();
  hear();
  answer.succeeded = status == 0;
  for (auto& line : complaints) line = without_head(std::move(line), name);
  answer.complaint = fmt::format("{}", fmt::join(complaints, "; "));
  if (!answer.succeeded && answer.complaint.empty()) {
    answer.complaint = exit_reason(status);
  }
  return answer;
}

}  // namespace bitsweep
