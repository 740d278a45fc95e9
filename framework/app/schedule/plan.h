// What a study asks for, run by run, and what of it is there already.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "framework/config/run_spec.h"
#include "framework/results/record_index.h"

namespace bitsweep {

enum class RunState { kMissing, kDone, kFailed, kDamaged, kUnreadable, kSkipped };

/// A record is there that nothing can be made of.
inline bool is_lost(RunState state) {
  return state == RunState::kDamaged || state == RunState::kUnreadable;
}

/// `text` in small letters, digits and dots, one dash for each stretch of anything else.
std::string file_name(const std::string& text);

/// What a folder holds of a run.
struct FoundRun {
  FoundRun(RunState its_state = RunState::kMissing, std::string reason = {},
           bool with_weights = true)
      : state(its_state), why(std::move(reason)), has_weights(with_weights) {}

  RunState state;
  std::string why;                       // it failed, or its record cannot be read
  bool has_weights = true;               // of kDone: another run can start from it
  bool has_model = true;                 // of kDone: its packed model
  double test_accuracy = 0;              // of kDone, a share; NaN where there is none
  double seconds = 0;                    // that the run took
  std::optional<FileStamp> record = {};  // of the record that says so
};

struct PlannedRun {
  RunSpec spec;
  std::string label;  // "twn, seed 1"
  std::string name;   // fit for a file: "lenet5-twn-seed1"
  std::string digest;
  RunState state = RunState::kMissing;
  std::string why = {};                   // it is in that state, where that needs telling
  std::optional<std::size_t> start = {};  // index of the float run it begins with
  double seconds = 0;                     // of kDone: that it took
  std::optional<FileStamp> record = {};   // of the record that the state was read from
  bool is_wanted = true;                  // chosen, or needed by what was chosen
};

/// What names a run of a row, and what it is compared with.
struct RunDigests {
  std::string own;
  std::string baseline;  // of the float run that it begins with
  std::string control;   // of the one that it is compared with
};

/// Each run once, however many rows share it: all rows of the first seed, then of the
/// second, and of each seed the baselines first.
struct Plan {
  std::vector<PlannedRun> runs;
  std::vector<RunDigests> digests;  // of each run of each row, in the study's order
  std::size_t rows = 0;
  std::size_t seeds = 0;  // of the row that has most

  std::size_t count(RunState state) const;
  std::size_t baseline_count() const;
};

/// One of `count` shares of the runs, told by their digests: the same on all machines.
struct Shard {
  int index = 1;  // from 1
  int count = 1;

  bool holds(const std::string& digest) const;
  std::string text() const;  // "2/4"
  /// Throws ConfigError.
  static Shard parse(const std::string& text);
};

struct PlanOptions {
  /// Which runs are wanted; null for all. What these start from and are compared with is
  /// wanted too.
  std::function<bool(const RowSpec& row, const RunSpec& run)> chosen = {};
  Shard shard = {};    // and of these, whose digest is in the share
  bool force = false;  // what was chosen is to be done again, done or damaged
};

Plan make_plan(const StudySpec& study,
               const std::function<FoundRun(const std::string& digest)>& find,
               const PlanOptions& options = {});

/// "survey: 12 rows x 3 seeds; 36 runs, 3 of them float baselines".
std::string plan_size(const std::string& study, const Plan& plan);
/// That and "; 10 done, 26 to do, 1 of these failed before".
std::string plan_summary(const std::string& study, const Plan& plan);

/// One line a run: state, digest, label, and why where there is a reason to tell. What is
/// done and was not asked for is left out. With `seconds`, by run, also how long it will take.
std::string plan_listing(const Plan& plan,
                         const std::vector<std::optional<double>>& seconds = {});

}  // namespace bitsweep
