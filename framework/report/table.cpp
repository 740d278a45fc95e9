#include "framework/report/table.h"

#include <algorithm>

#include <fmt/format.h>

#include "framework/core/error.h"

namespace bitsweep {
namespace {

using Line = std::vector<std::string>;

bool has_groups(const Table& table) {
  return std::any_of(table.rows.begin(), table.rows.end(),
                     [](const auto& row) { return !row.group.empty(); });
}

// The texts of a table with the group's column, which is the first, joined to the others.
std::vector<Line> lines_of(const Table& table) {
  std::vector<Line> lines{{"group"}};
  for (const auto& column : table.columns) lines.front().push_back(column.heading);
  for (const auto& row : table.rows) {
    ensure(row.cells.size() == table.columns.size(), "a row has a cell in each column");
    auto& line = lines.emplace_back(Line{row.group});
    line.insert(line.end(), row.cells.begin(), row.cells.end());
  }
  return lines;
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

std::string markdown(const Table& table) {
  auto lines = lines_of(table);
  std::vector<Align> aligns{Align::kLeft};
  for (const auto& column : table.columns) aligns.push_back(column.align);
  name_groups_once(lines);
  if (!has_groups(table)) {
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
  for (const auto& line : lines_of(table)) {
    for (std::size_t c = 0; c < line.size(); ++c) {
      if (c > 0) text += ',';
      text += csv_field(line[c]);
    }
    text += '\n';
  }
  return text;
}

}  // namespace bitsweep
