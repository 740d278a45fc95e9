// A table of texts, and the two ways in which it is written.
#pragma once

#include <string>
#include <vector>

namespace bitsweep {

enum class Align { kLeft, kRight };

struct Column {
  std::string heading;
  Align align = Align::kLeft;
};

/// Cells in columns; a row's group stands in front of its cells. In a table whose rows
/// have no groups there is no such column.
struct Table {
  struct Row {
    std::string group;
    std::vector<std::string> cells;  // one a column
  };
  std::vector<Column> columns;
  std::vector<Row> rows;
};

/// Aligned by spaces, so that it reads in a terminal as it is; a group is named in the
/// first of its rows.
std::string markdown(const Table& table);

/// A line of headings, then one a row, quoted by RFC 4180; a group is named in each row.
std::string csv(const Table& table);

}  // namespace bitsweep
