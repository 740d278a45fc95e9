// What commands need that begin with a row's float network.
#pragma once

#include <optional>
#include <string>

#include "framework/app/command_line.h"
#include "framework/config/run_spec.h"
#include "framework/results/record.h"

namespace bitsweep {

/// The study's row of that label, or its only one that is not float. Throws ConfigError
/// with the labels there are.
const RowSpec& chosen_row(const std::string& command, const StudySpec& study,
                          const std::string& label);

/// The float network that the run begins with, from the study's results, or trained into
/// them now; nothing at an interrupt. `--data-dir` and `--plugin` are the command line's.
std::optional<RunRecord> float_record(const RunSpec& run, const std::string& study,
                                      const Arguments& arguments, int threads);

}  // namespace bitsweep
