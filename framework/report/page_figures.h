// The drawings of a report's page, as SVG that stands in HTML; colours are the page's.
#pragma once

#include <string>
#include <vector>

#include "framework/report/report.h"

namespace bitsweep {

/// A text with HTML's special characters escaped, for elements and attributes.
std::string html_text(const std::string& text);

/// Rows that drop so many percentage points would press all others together: they stand
/// at the edge of a figure.
inline constexpr double kCollapse = 15;

/// One scale for the accuracy drops of all rows.
struct DropScale {
  double low = 0;
  double high = 1;
  static DropScale of(const StudyReport& report);
};

/// A row's drop with its 95 % interval, and the published drop as a hollow mark; "" where
/// it has neither. What lies beyond the scale is an arrow at its end.
std::string drop_figure(const ReportRow& row, const DropScale& scale);

/// The scale's ends and its zero, to stand above the figures.
std::string drop_axis(const DropScale& scale);

/// What a row costs: bytes of its file, or bit operations for an image.
enum class Cost { kFileSize, kBitOperations };

/// Cost against accuracy of the rows of a dataset, with the front of those that no other
/// row beats in both; "" with fewer than two rows.
std::string pareto_figure(const std::vector<const ReportRow*>& rows, Cost cost);

/// Bits of weights and inputs by row and layer, a table for each network; "" where no run
/// tells.
std::string bits_tables(const StudyReport& report);

/// The values of each quantized site among its grid's levels; "" where no run tells.
std::string histogram_figures(const ReportRow& row);

/// Accuracy drops by bits of weights and of activations, a table for each method, network
/// and dataset that has at least two of either; "" where none has.
std::string bits_matrices(const StudyReport& report);

/// A JSON array: for each row its settings in which not all rows agree.
std::string settings_json(const StudyReport& report);

/// Curves of a row's runs, accuracy and loss apart; "" where the records hold none.
std::string curve_figures(const ReportRow& row);

}  // namespace bitsweep
