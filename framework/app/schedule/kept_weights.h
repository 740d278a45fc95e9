// What finished records keep of their networks.
#pragma once

#include <filesystem>

#include "framework/app/schedule/plan.h"
#include "framework/app/schedule/run_files.h"

namespace bitsweep {

/// Writes the record again without what `kept` (model or predictions) does not keep,
/// where it has any of it; whether it had. Throws DataError or RunError.
bool drop_weights(const std::filesystem::path& path, const std::string& kept);

/// Of the plan's finished runs, those that no run of it still has to start from lose
/// their weights, and with `kept` = predictions their packed models; gives their number.
std::size_t drop_weights_of_done(const Plan& plan, const RunFiles& files,
                                 const std::string& kept);

}  // namespace bitsweep
