// How fast a run goes, from what it tells of its progress.
#pragma once

#include <chrono>
#include <optional>

#include "framework/app/run_experiment.h"

namespace bitsweep {

class Pace {
 public:
  using Clock = std::chrono::steady_clock;

  void hear(const RunObserver::Progress& progress, Clock::time_point now = Clock::now());

  /// Training steps a second, over the last minute or so; 0 while not known.
  double steps_per_second() const { return rate_; }
  /// Of its training; nothing while the speed is not known.
  std::optional<double> seconds_left() const;

 private:
  struct Mark {
    std::int64_t done = 0;
    Clock::time_point when;
  };
  std::optional<Mark> begin_;  // of the stretch that is measured
  Mark last_;
  std::int64_t total_ = 0;
  double rate_ = 0;
};

}  // namespace bitsweep
