// A table as a value with types: every format of a report is written from one.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "framework/report/statistics.h"

namespace bitsweep {

enum class Align { kLeft, kRight };

/// Who sees a column: people (md, tex, html), programs (csv, json), or both.
enum class Readers { kAll, kPeople, kPrograms };

/// Over seeds.
struct Estimate {
  Summary summary;
  std::optional<Interval> interval;  // of the mean
};

/// Nothing, a text, a number, or an estimate, which programs see as several numbers.
using Cell = std::variant<std::monostate, std::string, double, Estimate>;

struct Column {
  std::string heading;  // for people: "accuracy drop (pp)"
  Align align = Align::kLeft;
  std::string id = heading;  // for programs: "accuracy_drop_pp"
  int digits = 2;            // behind the point, for people
  Readers readers = Readers::kAll;
  bool is_estimate = false;
  bool has_interval = false;  // of an estimate
  bool shows_std = true;      // to people
  bool in_papers = true;      // false: too wide for a printed page
};

/// Cells in columns; a row's group stands in front of its cells. In a table whose rows
/// have no groups, people see no such column.
struct Table {
  struct Row {
    std::string group;
    std::vector<Cell> cells;  // one a column
  };
  std::vector<Column> columns;
  std::vector<Row> rows;

  bool has_groups() const;
};

/// A cell for people: "2.00 ± 0.25 [1.38, 2.62]"; numbers at the column's digits.
std::string cell_text(const Cell& cell, const Column& column);

/// A number with the digits that it carries: six, "92.08", not "92.08000000000001".
/// "" for what is not finite.
std::string number_text(double number);

/// The fields of a cell for programs with their names; an estimate has several.
using Field = std::pair<std::string, Cell>;  // never an Estimate
std::vector<Field> fields_of(const Cell& cell, const Column& column);

/// Aligned by spaces, so that it reads in a terminal as it is; a group is named in the
/// first of its rows.
std::string markdown(const Table& table);

/// A line of headings, then one a row, quoted by RFC 4180; a group is named in each row.
std::string csv(const Table& table);

/// A `tabular` with booktabs' rules; a group is a line above its rows.
std::string latex(const Table& table);

/// A text with LaTeX's special characters escaped.
std::string latex_text(const std::string& text);

}  // namespace bitsweep
