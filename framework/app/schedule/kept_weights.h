// What finished records keep of their networks.
#pragma once

#include <filesystem>

#include "framework/app/schedule/plan.h"
#include "framework/app/schedule/run_files.h"

namespace bitsweep {

/// Writes the record again without its weights, where it has any; whether it had. Throws
/// DataError or RunError.
bool drop_weights(const std::filesystem::path& record);

/// Of the plan's finished runs, those that no run of it still has to start from lose
/// their weights; gives their number.
std::size_t drop_weights_of_done(const Plan& plan, const RunFiles& files);

}  // namespace bitsweep
