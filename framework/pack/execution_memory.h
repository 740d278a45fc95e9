// What the values of a batch take, before any of it is allocated.
#pragma once

#include "framework/pack/executor.h"

namespace bitsweep {

/// Throws RunError where the values between the layers of a batch take more bytes than
/// `options` allow: from shapes alone, weights apart.
void check_memory(const PackedModel& model, const ExecutorOptions& options);

}  // namespace bitsweep
