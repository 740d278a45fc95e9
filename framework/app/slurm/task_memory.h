// How much memory a task of a job array asks for.
#pragma once

#include <optional>

#include "framework/app/program.h"
#include "framework/app/schedule/plan.h"

namespace bitsweep {

/// Bytes for `jobs` runs of the plan at a time, with room to spare: a job that takes more
/// than it asked for is killed. What reading the study's data took is that of this
/// process until now, so the data has been read before. Nothing where a plugin does not
/// answer.
std::optional<double> task_memory(const Plan& plan, int jobs, const Session& session);

}  // namespace bitsweep
