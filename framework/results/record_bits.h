// Whether two runs gave the same, to the last bit.
#pragma once

#include <string>
#include <vector>

#include "framework/results/record.h"

namespace bitsweep {

/// The parts of the two records that are not equal bit by bit, each with what differs
/// first: "state (conv1/weight)". When and on what machine they were made is no part.
/// Weights and packed models are compared where both have them.
std::vector<std::string> differing_parts(const RunRecord& a, const RunRecord& b);

}  // namespace bitsweep
