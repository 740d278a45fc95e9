#include "framework/app/schedule/interrupt.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "framework/core/error.h"

namespace bitsweep {

InterruptSignals::InterruptSignals() {
  sigset_t ours;
  sigemptyset(&ours);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&ours, number);
  sigprocmask(SIG_BLOCK, &ours, &before_);
  signals_ = FileDescriptor(signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_.is_open()) throw RunError("the system has no file descriptor left");
}

InterruptSignals::~InterruptSignals() {
  // What was heard has been acted upon; it must not end the process a second time.
  signalfd_siginfo heard;
  while (read(signals_.number(), &heard, sizeof heard) == ssize_t(sizeof heard)) {
  }
  sigprocmask(SIG_SETMASK, &before_, nullptr);
}

bool InterruptSignals::arrived(int milliseconds) const {
  pollfd entry{signals_.number(), POLLIN, 0};
  return poll(&entry, 1, milliseconds) > 0;
}

}  // namespace bitsweep
