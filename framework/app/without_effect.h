// What a run is told that changes nothing in it.
#pragma once

#include <vector>

#include "framework/app/check_run.h"
#include "framework/nn/attachment.h"

namespace bitsweep {

/// Of the run's method, its rules and its calibration; all are `is_idle`. `made` are the
/// methods as they were attached to the network; `training_images`: 0 where not known.
std::vector<RunProblem> settings_without_effect(Network& network, const RunSpec& spec,
                                                const MethodList& made,
                                                std::size_t training_images);

}  // namespace bitsweep
