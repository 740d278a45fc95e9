#include "framework/app/questioned.h"

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "framework/app/schedule/worker_process.h"
#include "framework/core/error.h"
#include "framework/core/parallel.h"

namespace bitsweep {
namespace {

using Clock = std::chrono::steady_clock;

// A message is its kind, its length and its text.
enum class Kind : char { kStep = 's', kAnswer = 'a', kThrown = 't' };

void send(int pipe, Kind kind, const std::string& text) {
  std::string message = fmt::format("{}{:08x}{}", char(kind), text.size(), text);
  std::string_view rest = message;
  while (!rest.empty()) {
    const ssize_t sent = write(pipe, rest.data(), rest.size());
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return;
    rest.remove_prefix(std::size_t(sent));
  }
}

[[noreturn]] void answer(const std::function<std::string(const Tell&)>& question,
                         int pipe) {
  setpgid(0, 0);  // so that what it starts can be ended with it
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  set_threads(1);  // the threads of a pool are not forked
  try {
    send(pipe, Kind::kAnswer,
         question([pipe](const std::string& step) { send(pipe, Kind::kStep, step); }));
  } catch (const std::exception& error) {
    send(pipe, Kind::kThrown, error.what());
  } catch (...) {
    send(pipe, Kind::kThrown, "something that is no std::exception");
  }
  _exit(0);
}

class Child {
 public:
  explicit Child(const std::function<std::string(const Tell&)>& question) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) throw RunError("no pipe for a plugin's process");
    std::fflush(nullptr);  // or the child would print it again
    pid_ = fork();
    if (pid_ == 0) {
      close(ends[0]);
      answer(question, ends[1]);
    }
    close(ends[1]);
    pipe_ = FileDescriptor(ends[0]);
    if (pid_ < 0) throw RunError("no process for a plugin");
    setpgid(pid_, pid_);  // whichever of the two comes first
  }
  ~Child() { end(); }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// False when nothing came within the patience.
  bool wait_for_bytes() const {
    const auto until = Clock::now() + std::chrono::seconds(patience_seconds());
    while (Clock::now() < until) {
      pollfd entry{pipe_.number(), POLLIN, 0};
      if (poll(&entry, 1, 50) > 0) return true;
      if (has_exited()) return true;  // what it started may hold the pipe open
    }
    return false;
  }

  /// Appends what is there; false at the end.
  bool read(std::string& text) const {
    pollfd entry{pipe_.number(), POLLIN, 0};
    if (poll(&entry, 1, 0) <= 0) return !has_exited();
    char bytes[4096];
    const ssize_t count = ::read(pipe_.number(), bytes, sizeof bytes);
    if (count > 0) text.append(bytes, std::size_t(count));
    return count > 0;
  }

  /// Ends it with all that it started; waitpid's status.
  int end() {
    if (pid_ < 0) return status_;
    if (!has_exited()) kill(pid_, SIGKILL);
    kill(-pid_, SIGKILL);
    while (waitpid(pid_, &status_, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return status_;
  }

 private:
  // Without taking its status away: until then its group's number is nobody else's.
  bool has_exited() const {
    siginfo_t info{};
    return waitid(P_PID, id_t(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == pid_;
  }

  pid_t pid_ = -1;
  int status_ = 0;
  FileDescriptor pipe_;
};

std::string ending(int status) {
  const std::string reason = exit_reason(status);
  return reason.empty() ? "ended by itself (status 0)" : reason;
}

}  // namespace

int patience_seconds() {
  const char* given = std::getenv("BITSWEEP_PATIENCE");
  const int seconds = given ? std::atoi(given) : 0;
  return seconds > 0 ? seconds : 60;
}

std::string ask_in_child(const std::function<std::string(const Tell&)>& question,
                         const std::function<void(const std::string&)>& heard) {
  constexpr std::size_t kHead = 9;
  Child child(question);
  std::string received;
  for (bool open = true; open;) {
    if (!child.wait_for_bytes()) {
      throw NoAnswer(
          fmt::format("no answer for {} s (on a busy machine, BITSWEEP_PATIENCE=SECONDS "
                      "waits longer)",
                      patience_seconds()));
    }
    open = child.read(received);
    while (received.size() >= kHead) {
      const std::size_t size = std::stoul(received.substr(1, kHead - 1), nullptr, 16);
      if (received.size() < kHead + size) break;
      const auto kind = Kind(received[0]);
      const std::string text = received.substr(kHead, size);
      received.erase(0, kHead + size);
      if (kind == Kind::kAnswer) return text;
      if (kind == Kind::kThrown) throw NoAnswer("threw: " + text);
      if (heard) heard(text);
    }
  }
  throw NoAnswer(ending(child.end()));
}

}  // namespace bitsweep
