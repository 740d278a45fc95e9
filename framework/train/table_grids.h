// The grids of a calibration table for a network's activations.
#pragma once

#include <string>

#include "framework/config/problems.h"
#include "framework/config/run_spec.h"
#include "framework/nn/network.h"

namespace bitsweep {

/// The range estimator that the run chooses for a site of an activation, or "" where its
/// method has none by name.
std::string range_estimator(const RunSpec& spec, const BoundSite& bound);

/// Gives the quantizers of activations what the run's table says of them. What the table
/// has wrong is added with its place: a site that the network does not quantize or that the
/// table leaves out, another method or estimator, an unknown key, a value that is none of a
/// grid, and `bits`, `low` or `high` that are not the grid's; and a row whose weights look
/// at inputs in calibration, which no table has. Throws ConfigError for a file that is no
/// table.
void take_grids(Network& network, const RunSpec& spec, Problems& problems);

}  // namespace bitsweep
