// A child process: given its input whole, heard through two pipes, never outliving us.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "framework/core/file_descriptor.h"

namespace bitsweep {

/// The reading end of a pipe, split into lines as they come.
class LineReader {
 public:
  explicit LineReader(FileDescriptor pipe) : pipe_(std::move(pipe)) {}

  int descriptor() const { return pipe_.number(); }
  bool is_open() const { return pipe_.is_open(); }
  /// The complete lines that are there, without waiting; closes itself at the end, giving
  /// out an unfinished last line.
  std::vector<std::string> read();

 private:
  FileDescriptor pipe_;
  std::string rest_;
};

class WorkerProcess {
 public:
  /// Starts `command` with `input` on its standard input. Throws RunError when the system
  /// has no process to give.
  WorkerProcess(const std::vector<std::string>& command, const std::string& input);
  /// Kills it when it is still there.
  ~WorkerProcess();
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  LineReader& output() { return output_; }
  LineReader& complaints() { return complaints_; }  // its standard error

  /// True when it has ended, even where a process that it started holds its pipes open.
  bool has_exited() const;
  /// Ends it now; `wait` is still to be called.
  void kill();
  /// Waits for its end, and ends what it started; the status is `waitpid`'s.
  int wait();

 private:
  pid_t pid_ = -1;
  LineReader output_;
  LineReader complaints_;
};

/// How many processes the system has killed so far as its memory ran out; nothing where
/// it does not say.
std::optional<long> memory_kills();

/// Why a process with this wait status did not succeed: "killed by signal 6 (Aborted)",
/// "ended with status 3"; "" for success. `kills_before` is what `memory_kills` gave when
/// the process began.
std::string exit_reason(int wait_status, std::optional<long> kills_before = {});

}  // namespace bitsweep
