// How a run's quantizers are calibrated: on images, or from a table.
#pragma once

#include <span>

#include "framework/config/calibration_table.h"
#include "framework/config/run_spec.h"
#include "framework/data/batches.h"
#include "framework/data/dataset.h"
#include "framework/nn/network.h"
#include "framework/train/trainer.h"

namespace bitsweep {

/// The sites of `owners` (all, where none are named), as the run asks for it. Throws
/// RunError for a table that has changed or is not this row's.
void calibrate_sites(Network& network, const RunSpec& spec, const Dataset& data,
                     const Preprocessing& preprocessing, std::span<const int> owners,
                     const BetweenBatches& between = {});

/// The sites of activations whose quantizer is their own and keeps what calibration chose,
/// in network order.
std::vector<BoundSite*> sites_to_calibrate(Network& network);

/// What calibration has left in the quantizers of activations.
std::vector<CalibratedSite> calibrated_activations(Network& network, const RunSpec& spec);

}  // namespace bitsweep
