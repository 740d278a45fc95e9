// Ctrl-C and its like as something to poll for.
#pragma once

#include <signal.h>

#include "framework/app/schedule/worker_process.h"

namespace bitsweep {

/// While it lives, SIGINT, SIGTERM and SIGHUP do not end the process: they wait to be
/// read.
class InterruptSignals {
 public:
  InterruptSignals();
  ~InterruptSignals();
  InterruptSignals(const InterruptSignals&) = delete;
  InterruptSignals& operator=(const InterruptSignals&) = delete;

  int descriptor() const { return signals_.number(); }
  /// Whether a signal came, or comes within `milliseconds`.
  bool arrived(int milliseconds = 0) const;

 private:
  sigset_t before_;
  FileDescriptor signals_;
};

}  // namespace bitsweep
