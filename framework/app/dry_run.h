// What a study would run, and how long that would take.
#pragma once

#include <string>

#include "framework/app/program.h"
#include "framework/app/schedule/plan.h"
#include "framework/app/study_data.h"

namespace bitsweep {

/// The lines of `plan_listing` with the time of each run that is to do, and of all.
/// Where no earlier run tells, some training steps of its kind are measured, in a process
/// of their own.
std::string dry_run_text(const Plan& plan, const TrainingImages& images,
                         const Session& session, int workers, int threads);

}  // namespace bitsweep
