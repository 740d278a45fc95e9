// What a study asks for, run by run, and what of it is there already.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "framework/config/run_spec.h"

namespace bitsweep {

enum class RunState { kMissing, kDone, kFailed };

struct PlannedRun {
  RunSpec spec;
  std::string label;  // "twn, seed 1"
  std::string name;   // fit for a file: "lenet5-twn-seed1"
  std::string digest;
  RunState state = RunState::kMissing;
  std::optional<std::size_t> baseline = {};  // index of the float run it is compared with
};

/// Each run once, however many rows share it, and the baselines first.
struct Plan {
  std::vector<PlannedRun> runs;
  std::size_t rows = 0;
  std::size_t seeds = 0;  // of the row that has most

  std::size_t count(RunState state) const;
  std::size_t baseline_count() const;
};

Plan make_plan(const StudySpec& study,
               const std::function<RunState(const std::string& digest)>& state_of);

/// "survey: 12 rows x 3 seeds; 36 runs, 3 of them float baselines; 10 are done, 26 to do,
/// 1 of them failed before".
std::string plan_summary(const std::string& study, const Plan& plan);

/// One line a run: state, digest, label.
std::string plan_listing(const Plan& plan);

}  // namespace bitsweep
