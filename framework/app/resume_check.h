// Whether a run with a method can be taken up from its checkpoints: asked of a small run,
// as `bitsweep check` asks quantizers one by one.
#pragma once

#include "framework/config/run_spec.h"
#include "framework/quant/conformance.h"
#include "framework/quant/registry.h"

namespace bitsweep {

/// A small network on drawn images, trained with the method twice: undisturbed, and cut
/// every few batches and continued each time from its saved state alone by objects that
/// know nothing of the run. All that is left in the end is compared bit by bit. Not asked
/// of settings that the network's sites refuse.
CheckResult check_resume(const MethodSpec& method, const MethodRegistry& methods);

}  // namespace bitsweep
