// What a study would run, and how long that would take.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "framework/app/program.h"
#include "framework/app/schedule/plan.h"

namespace bitsweep {

/// The lines of `plan_listing` with the time of each run that is to do, and of all.
/// Where no earlier run tells, some training steps of its kind are measured, in a process
/// of their own.
std::string dry_run_text(const Plan& plan, const Session& session,
                         const std::vector<std::filesystem::path>& data_folders,
                         int workers, int threads);

}  // namespace bitsweep
