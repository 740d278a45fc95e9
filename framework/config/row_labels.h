// How a table calls its rows.
#pragma once

#include <string>
#include <vector>

#include "framework/config/node.h"
#include "framework/config/run_spec.h"

namespace bitsweep {

/// "dorefa w4 a4 stochastic=true": the method with the parameters that differ from its
/// defaults or were chosen from a list; for a row with a label of its own, that label
/// with what was chosen.
std::string row_label(const std::string& own, const RunSpec& run,
                      const std::vector<FieldInfo>& fields, const Settings& choices);

/// Adds to labels that several rows have what tells those rows apart.
void make_labels_differ(std::vector<RowSpec>& rows);

}  // namespace bitsweep
