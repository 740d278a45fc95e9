#include "framework/app/schedule/worker_process.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "framework/core/error.h"

namespace bitsweep {
namespace {

struct Pipe {
  FileDescriptor reading;
  FileDescriptor writing;
};

[[noreturn]] void throw_system_error(const char* what) {
  throw RunError(
      fmt::format("a worker cannot be started: {}: {}", what, strerror(errno)));
}

Pipe make_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw_system_error("pipe");
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return {FileDescriptor(ends[0]), FileDescriptor(ends[1])};
}

// A file without a name that holds `text`, set to its beginning.
FileDescriptor file_with(std::string_view text) {
  FileDescriptor file(memfd_create("bitsweep-run", MFD_CLOEXEC));
  if (!file.is_open()) throw_system_error("memfd_create");
  while (!text.empty()) {
    const ssize_t written = write(file.number(), text.data(), text.size());
    if (written < 0) throw_system_error("write");
    text.remove_prefix(std::size_t(written));
  }
  lseek(file.number(), 0, SEEK_SET);
  return file;
}

// In the child, between fork and exec: only calls that are safe there.
[[noreturn]] void become(char* const* command, pid_t parent, int input, int output,
                         int complaints) {
  setpgid(0, 0);  // so that what it starts can be ended with it
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);  // it went before we could ask for the signal
  // The keyboard's signals reach the whole group; the parent decides what they mean.
  signal(SIGINT, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
  dup2(input, STDIN_FILENO);
  dup2(output, STDOUT_FILENO);
  dup2(complaints, STDERR_FILENO);
  execv(command[0], command);
  _exit(127);
}

}  // namespace

std::vector<std::string> LineReader::read() {
  char bytes[4096];
  ssize_t count = 0;
  while (is_open() && (count = ::read(pipe_.number(), bytes, sizeof bytes)) > 0) {
    rest_.append(bytes, std::size_t(count));
  }
  const bool waiting = count < 0 && (errno == EAGAIN || errno == EINTR);
  if (is_open() && !waiting) {
    pipe_ = FileDescriptor();
    if (!rest_.empty()) rest_ += '\n';
  }
  std::vector<std::string> lines;
  std::size_t begin = 0;
  for (std::size_t end; (end = rest_.find('\n', begin)) != std::string::npos;) {
    if (end > begin) lines.push_back(rest_.substr(begin, end - begin));
    begin = end + 1;
  }
  rest_.erase(0, begin);
  return lines;
}

WorkerProcess::WorkerProcess(const std::vector<std::string>& command,
                             const std::string& input)
    : output_(FileDescriptor()), complaints_(FileDescriptor()) {
  const FileDescriptor input_file = file_with(input);
  Pipe output = make_pipe();
  Pipe complaints = make_pipe();
  std::vector<char*> words;
  for (const auto& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ < 0) throw_system_error("fork");
  if (pid_ > 0) setpgid(pid_, pid_);  // whichever of the two comes first
  if (pid_ == 0) {
    become(words.data(), parent, input_file.number(), output.writing.number(),
           complaints.writing.number());
  }
  output_ = LineReader(std::move(output.reading));
  complaints_ = LineReader(std::move(complaints.reading));
}

WorkerProcess::~WorkerProcess() {
  if (pid_ < 0) return;
  kill();
  wait();
}

bool WorkerProcess::has_exited() const {
  siginfo_t info{};
  return waitid(P_PID, id_t(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         info.si_pid == pid_;
}

void WorkerProcess::kill() { ::kill(-pid_, SIGKILL); }

int WorkerProcess::wait() {
  siginfo_t unused{};
  while (waitid(P_PID, id_t(pid_), &unused, WEXITED | WNOWAIT) < 0 && errno == EINTR) {
  }
  kill();  // its number is still its own: nobody else's group is meant
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return status;
}

std::optional<long> memory_kills() {
  std::ifstream counts("/proc/vmstat");
  std::string name;
  for (long value = 0; counts >> name >> value;) {
    if (name == "oom_kill") return value;
  }
  return std::nullopt;
}

namespace {

// The signal of the kernel that is out of memory is also that of `kill -9`.
std::string kill_reason(std::optional<long> kills_before) {
  const auto kills = memory_kills();
  if (!kills || !kills_before) return "killed by signal 9 (out of memory?)";
  if (*kills > *kills_before) {
    return "killed as memory ran out (signal 9, and the system counts such a kill); run "
           "fewer at a time (--jobs), or smaller batches";
  }
  return "killed by signal 9 (by someone: the system counts no kill for want of memory)";
}

}  // namespace

std::string exit_reason(int wait_status, std::optional<long> kills_before) {
  if (WIFSIGNALED(wait_status)) {
    const int number = WTERMSIG(wait_status);
    if (number == SIGKILL) return kill_reason(kills_before);
    return fmt::format("killed by signal {} ({})", number, strsignal(number));
  }
  const int code = WEXITSTATUS(wait_status);
  return code == 0 ? "" : fmt::format("ended with status {}", code);
}

}  // namespace bitsweep
