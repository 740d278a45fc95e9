// When a run's state is kept, and where.
#pragma once

#include <atomic>
#include <chrono>
#include <exception>
#include <filesystem>
#include <optional>
#include <string>

#include "framework/core/saved_state.h"
#include "framework/results/checkpoint.h"

namespace bitsweep {

/// What others ask of a run under way, from a signal handler or another thread.
struct RunRequests {
  std::atomic<bool> save = false;  // keep the state, and go on
  std::atomic<bool> stop = false;  // keep the state, and end with `RunStopped`
};

struct CheckpointPlan {
  std::filesystem::path file;
  double minutes = 5;               // between two
  RunRequests* requests = nullptr;  // may be null
};

/// A run ended before its time, as it was asked to: its state is kept where that was
/// possible.
class RunStopped : public std::exception {
 public:
  explicit RunStopped(std::string where) : where_(std::move(where)) {}
  const char* what() const noexcept override { return where_.c_str(); }

 private:
  std::string where_;
};

/// Writes a run's checkpoints as they are due.
class Checkpoints {
 public:
  /// `begin`: what the run is known to have taken so far, on which its time is counted.
  Checkpoints(CheckpointPlan plan, std::string digest, Provenance begin);

  /// Next to free of cost.
  bool is_due() const {
    const RunRequests* asked = plan_.requests;
    return (asked != nullptr && (asked->stop || asked->save)) || Clock::now() >= due_;
  }
  /// Throws RunError where it cannot be written; an earlier one is left as it is.
  void write(const ShowState& state);
  /// Whether the run is to end.
  bool is_to_stop() const { return plan_.requests != nullptr && plan_.requests->stop; }

 private:
  using Clock = std::chrono::steady_clock;
  void wait_for_next();

  CheckpointPlan plan_;
  std::string digest_;
  Provenance begin_;
  Clock::time_point started_ = Clock::now();
  Clock::time_point due_;
};

/// The checkpoint that a run can be taken up from, or why what is there is none, in a
/// sentence.
struct FoundCheckpoint {
  std::optional<Checkpoint> checkpoint;
  std::string why_not;  // "" where there is nothing
};
FoundCheckpoint find_checkpoint(const std::filesystem::path& file,
                                const std::string& digest, const Provenance& now);

}  // namespace bitsweep
