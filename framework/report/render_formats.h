// The formats of a report that have files of their own.
#pragma once

#include <string>

#include "framework/report/report.h"

namespace bitsweep {

std::string title_of(const StudyReport& report);

/// Rows as in report.csv with their types, each with its runs: metrics, curves,
/// accuracies by class and confusion matrix.
std::string render_json(const StudyReport& report);

/// One file that needs no network.
std::string render_html(const StudyReport& report);

}  // namespace bitsweep
