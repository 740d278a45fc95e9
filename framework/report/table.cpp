#include "framework/report/table.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "framework/core/error.h"

namespace bitsweep {
namespace {

using Line = std::vector<std::string>;

std::size_t rows_checked(const Table& table) {
  for (const auto& row : table.rows) {
    ensure(row.cells.size() == table.columns.size(), "a row has a cell in each column");
  }
  return table.rows.size();
}

// The texts that people read, with the group's column, which is the first.
std::vector<Line> readable_lines(const Table& table) {
  std::vector<Line> lines(rows_checked(table) + 1);
  lines.front().push_back("group");
  for (std::size_t r = 0; r < table.rows.size(); ++r) {
    lines[r + 1].push_back(table.rows[r].group);
  }
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    const Column& column = table.columns[c];
    if (column.readers == Readers::kPrograms) continue;
    lines.front().push_back(column.heading);
    for (std::size_t r = 0; r < table.rows.size(); ++r) {
      lines[r + 1].push_back(cell_text(table.rows[r].cells[c], column));
    }
  }
  return lines;
}

std::string field_text(const Cell& field) {
  if (const auto* number = std::get_if<double>(&field)) return number_text(*number);
  const auto* text = std::get_if<std::string>(&field);
  return text ? *text : "";
}

// The fields that programs read.
std::vector<Line> machine_lines(const Table& table) {
  std::vector<Line> lines(rows_checked(table) + 1);
  lines.front().push_back("group");
  for (const auto& column : table.columns) {
    if (column.readers == Readers::kPeople) continue;
    for (const auto& field : fields_of({}, column)) lines.front().push_back(field.first);
  }
  for (std::size_t r = 0; r < table.rows.size(); ++r) {
    lines[r + 1].push_back(table.rows[r].group);
    for (std::size_t c = 0; c < table.columns.size(); ++c) {
      if (table.columns[c].readers == Readers::kPeople) continue;
      for (const auto& field : fields_of(table.rows[r].cells[c], table.columns[c])) {
        lines[r + 1].push_back(field_text(field.second));
      }
    }
  }
  return lines;
}

// Without "-0.00".
std::string fixed(double value, int digits) {
  if (!std::isfinite(value)) return "";
  const auto text = fmt::format("{:.{}f}", value, digits);
  const bool is_zero = text.find_first_of("123456789") == text.npos;
  return is_zero && text.front() == '-' ? text.substr(1) : text;
}

std::string estimate_text(const Estimate& estimate, const Column& column) {
  const int digits = column.digits;
  const auto& [count, mean, std] = estimate.summary;
  if (count == 0) return "";
  auto text = fixed(mean, digits);
  if (count > 1 && column.shows_std) text += " ± " + fixed(std, digits);
  if (estimate.interval) {
    text += fmt::format(" [{}, {}]", fixed(estimate.interval->low, digits),
                        fixed(estimate.interval->high, digits));
  }
  return text;
}

// Leaves a group's name to the first of its rows.
void name_groups_once(std::vector<Line>& lines) {
  for (std::size_t i = lines.size() - 1; i > 1; --i) {
    if (lines[i].front() == lines[i - 1].front()) lines[i].front().clear();
  }
}

// In characters, not bytes: a byte 10xxxxxx continues one.
std::size_t width(const std::string& text) {
  return std::size_t(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string markdown_cell(const std::string& text) {
  std::string cell;
  for (const char c : text) {
    if (c == '|') cell += '\\';
    cell += c == '\n' || c == '\r' ? ' ' : c;
  }
  return cell;
}

std::vector<std::size_t> widths_of(const std::vector<Line>& lines) {
  constexpr std::size_t kRule = 3;  // "---"
  std::vector<std::size_t> widths(lines.front().size(), kRule);
  for (const auto& line : lines) {
    for (std::size_t c = 0; c < line.size(); ++c) {
      widths[c] = std::max(widths[c], width(line[c]));
    }
  }
  return widths;
}

std::string padded(const std::string& cell, std::size_t to_width, Align align) {
  const std::string space(to_width - width(cell), ' ');
  return align == Align::kLeft ? cell + space : space + cell;
}

std::string rule(std::size_t to_width, Align align) {
  return std::string(to_width - 1, '-') + (align == Align::kLeft ? '-' : ':');
}

std::string joined(const std::vector<Line>& lines, const std::vector<std::size_t>& widths,
                   const std::vector<Align>& aligns) {
  std::string text;
  for (const auto& line : lines) {
    for (std::size_t c = 0; c < line.size(); ++c) {
      text += fmt::format("| {} ", padded(line[c], widths[c], aligns[c]));
    }
    text += "|\n";
  }
  return text;
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == text.npos) return text;
  std::string field;
  for (const char c : text) field += c == '"' ? "\"\"" : std::string(1, c);
  return fmt::format("\"{}\"", field);
}

}  // namespace

bool Table::has_groups() const {
  return std::any_of(rows.begin(), rows.end(),
                     [](const auto& row) { return !row.group.empty(); });
}

std::string cell_text(const Cell& cell, const Column& column) {
  if (const auto* text = std::get_if<std::string>(&cell)) return *text;
  if (const auto* number = std::get_if<double>(&cell)) {
    return fixed(*number, column.digits);
  }
  const auto* estimate = std::get_if<Estimate>(&cell);
  return estimate ? estimate_text(*estimate, column) : "";
}

std::string number_text(double number) {
  return std::isfinite(number) ? fmt::format("{:.6g}", number) : "";
}

std::vector<Field> fields_of(const Cell& cell, const Column& column) {
  if (!column.is_estimate) return {{column.id, cell}};
  const auto* estimate = std::get_if<Estimate>(&cell);
  const std::size_t count = estimate ? estimate->summary.count : 0;
  const auto known = [](bool is_known, double value) {
    return is_known ? Cell{value} : Cell{};
  };
  std::vector<Field> fields{
      {column.id + "_mean", known(count > 0, estimate ? estimate->summary.mean : 0)},
      {column.id + "_sd", known(count > 1, estimate ? estimate->summary.std : 0)}};
  if (!column.has_interval) return fields;
  const bool has = estimate && estimate->interval;
  fields.push_back(
      {column.id + "_ci95_low", known(has, has ? estimate->interval->low : 0)});
  fields.push_back(
      {column.id + "_ci95_high", known(has, has ? estimate->interval->high : 0)});
  return fields;
}

std::string markdown(const Table& table) {
  auto lines = readable_lines(table);
  std::vector<Align> aligns{Align::kLeft};
  for (const auto& column : table.columns) {
    if (column.readers != Readers::kPrograms) aligns.push_back(column.align);
  }
  name_groups_once(lines);
  if (!table.has_groups()) {
    for (auto& line : lines) line.erase(line.begin());
    aligns.erase(aligns.begin());
  }
  for (auto& line : lines) {
    std::transform(line.begin(), line.end(), line.begin(), markdown_cell);
  }

  const auto widths = widths_of(lines);
  Line rules;
  for (std::size_t c = 0; c < widths.size(); ++c) {
    rules.push_back(rule(widths[c], aligns[c]));
  }
  lines.insert(lines.begin() + 1, rules);
  return joined(lines, widths, aligns);
}

std::string csv(const Table& table) {
  std::string text;
  for (const auto& line : machine_lines(table)) {
    for (std::size_t c = 0; c < line.size(); ++c) {
      if (c > 0) text += ',';
      text += csv_field(line[c]);
    }
    text += '\n';
  }
  return text;
}

}  // namespace bitsweep
