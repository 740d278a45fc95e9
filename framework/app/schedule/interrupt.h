// Ctrl-C and its like as something to poll for.
#pragma once

#include <array>

#include <signal.h>

#include "framework/app/schedule/worker_process.h"

namespace bitsweep {

/// The exit code after Ctrl-C, as a shell gives it.
inline constexpr int kInterruptedCode = 130;

/// While it lives, SIGINT, SIGTERM and SIGHUP do not end the process: they wait to be
/// noticed; nor does SIGUSR1, which asks for what is under way to be kept. One at a
/// time.
class InterruptSignals {
 public:
  InterruptSignals();
  ~InterruptSignals();
  InterruptSignals(const InterruptSignals&) = delete;
  InterruptSignals& operator=(const InterruptSignals&) = delete;

  /// Readable once a signal has come.
  int descriptor() const { return notices_.number(); }
  /// Whether a signal came, or comes within `milliseconds`.
  bool arrived(int milliseconds = 0) const;
  /// What came so far is dealt with.
  void forget() const;
  /// Whether SIGUSR1 came since the last call.
  bool take_save_request() const;

 private:
  static constexpr std::array kSignals = {SIGINT, SIGTERM, SIGHUP, SIGUSR1};

  FileDescriptor notices_;
  FileDescriptor noticing_;
  std::array<struct sigaction, kSignals.size()> before_;
};

}  // namespace bitsweep
