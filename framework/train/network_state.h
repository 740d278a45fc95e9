// What training leaves in a network.
#pragma once

#include "framework/core/saved_state.h"
#include "framework/nn/network.h"

namespace bitsweep {

/// Parameters and running statistics; of each site the mask, whether it quantizes yet,
/// and its quantizer's state. Of a network built for the same run, quantizers attached.
void visit_network(Network& network, SavedStateVisitor& visitor);

}  // namespace bitsweep
