// Where the reports of a study go.
#pragma once

#include <filesystem>
#include <string>

#include "framework/report/report.h"

namespace bitsweep {

/// Writes report.md, report.csv, runs.csv, ... into the folder, says so on standard
/// error, and gives back the text in markdown. Throws RunError when that fails.
std::string write_reports(const StudyReport& report, const std::filesystem::path& folder);

}  // namespace bitsweep
