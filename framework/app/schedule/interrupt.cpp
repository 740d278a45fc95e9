#include "framework/app/schedule/interrupt.h"

#include <cerrno>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "framework/core/error.h"

namespace bitsweep {
namespace {

// Where the handler writes. A handler and a pipe, not a blocked signal: a thread that
// some library started before would not have it blocked, and would end the process.
volatile sig_atomic_t notice_pipe = -1;
volatile sig_atomic_t save_is_asked = 0;

extern "C" void notice_signal(int number) {
  if (number == SIGUSR1) {
    save_is_asked = 1;
    return;
  }
  const int before = errno;
  [[maybe_unused]] const ssize_t written = write(notice_pipe, "!", 1);
  errno = before;
}

}  // namespace

InterruptSignals::InterruptSignals() {
  ensure(notice_pipe < 0, "one place at a time waits for interrupts");
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
    throw RunError("the system has no file descriptor left");
  }
  notices_ = FileDescriptor(ends[0]);
  noticing_ = FileDescriptor(ends[1]);
  notice_pipe = ends[1];
  struct sigaction action {};
  action.sa_handler = notice_signal;
  action.sa_flags = SA_RESTART;
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    sigaction(kSignals[i], &action, &before_[i]);
    // What the caller had set to be ignored (nohup) stays so.
    if (before_[i].sa_handler == SIG_IGN) sigaction(kSignals[i], &before_[i], nullptr);
  }
}

InterruptSignals::~InterruptSignals() {
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    sigaction(kSignals[i], &before_[i], nullptr);
  }
  notice_pipe = -1;
}

void InterruptSignals::forget() const {
  char bytes[64];
  while (read(notices_.number(), bytes, sizeof bytes) > 0) {
  }
}

bool InterruptSignals::take_save_request() const {
  if (save_is_asked == 0) return false;
  save_is_asked = 0;
  return true;
}

bool InterruptSignals::arrived(int milliseconds) const {
  pollfd entry{notices_.number(), POLLIN, 0};
  int ready = 0;
  while ((ready = poll(&entry, 1, milliseconds)) < 0 && errno == EINTR) {
  }
  return ready > 0;
}

}  // namespace bitsweep
