// How much memory a network takes, before it is taken.
#pragma once

#include <string>

#include "framework/config/run_spec.h"
#include "framework/nn/network.h"

namespace bitsweep {

/// Bytes, from shapes alone; what the engine keeps for itself and the images of the
/// dataset come on top.
struct MemoryEstimate {
  double weights = 0;      // values, gradients, packed copies, a partial sum a slice
  double optimizer = 0;    // momentum; for adam the squares too
  double activations = 0;  // values and gradients of a batch
  double kept = 0;         // weights and optimizer once more: calibration begins again
                           // from there when it is cut; saving itself takes nothing

  double total() const { return weights + optimizer + activations + kept; }
};

/// Of training as `training` says. `network` has its quantizers, and need not be built.
MemoryEstimate estimate_memory(const Network& network, const TrainingSpec& training);

}  // namespace bitsweep
