// How a table calls its rows.
#pragma once

#include <string>
#include <vector>

#include "framework/config/node.h"
#include "framework/config/run_spec.h"
#include "framework/config/written_row.h"

namespace bitsweep {

struct RowName {
  std::string label;   // of its own, or ""
  std::string scheme;  // that it names, or ""
  std::vector<SchemeChange> changes;
};

/// "dorefa w4 a4 stochastic=true": the method with the parameters that differ from its
/// defaults or were chosen from a list; "tflite-qat w4 a4": for a row of a scheme, that
/// with what differs from it or was chosen; for a row with a label of its own, that label
/// with what was chosen.
std::string row_label(const RowName& name, const RunSpec& run,
                      const std::vector<FieldInfo>& fields, const Settings& choices);

/// Adds to labels that several rows have what tells those rows apart.
void make_labels_differ(std::vector<RowSpec>& rows);

}  // namespace bitsweep
