#include <map>

#include <fmt/format.h>

#include "framework/report/table.h"

namespace bitsweep {
namespace {

const std::map<std::string, std::string>& replacements() {
  static const std::map<std::string, std::string> kReplacements{
      {"\\", "\\textbackslash{}"},
      {"{", "\\{"},
      {"}", "\\}"},
      {"$", "\\$"},
      {"&", "\\&"},
      {"#", "\\#"},
      {"%", "\\%"},
      {"_", "\\_"},
      {"^", "\\textasciicircum{}"},
      {"~", "\\textasciitilde{}"},
      {"<", "\\textless{}"},
      {">", "\\textgreater{}"},
      {"|", "\\textbar{}"},
      {"\"", "''"},
      {"[", "{[}"},  // at the start of a row it would be an option of the \\ before
      {"]", "{]}"},
      {"\n", " "},
      {"\r", " "},
      {"±", "$\\pm$"},
      {"†", "\\textdagger{}"},
      {"‡", "\\textdaggerdbl{}"},
      {"×", "$\\times$"},
      {"≤", "$\\leq$"},
      {"≥", "$\\geq$"}};
  return kReplacements;
}

// Bytes of the character that begins with this one.
std::size_t character_length(char first) {
  const auto byte = static_cast<unsigned char>(first);
  return byte < 0xc0 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}

bool is_printed(const Column& column) {
  return column.readers != Readers::kPrograms && column.in_papers;
}

// Signs of numbers are minus signs, not hyphens.
std::string printed_cell(const Cell& cell, const Column& column) {
  const auto text = latex_text(cell_text(cell, column));
  if (std::holds_alternative<std::string>(cell)) return text;
  std::string printed;
  for (const char c : text) printed += c == '-' ? "$-$" : std::string(1, c);
  return printed;
}

std::string line_of(const std::vector<std::string>& cells) {
  return fmt::format("{} \\\\\n", fmt::join(cells, " & "));
}

}  // namespace

std::string latex_text(const std::string& text) {
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    const auto character = text.substr(at, character_length(text[at]));
    const auto found = replacements().find(character);
    result += found == replacements().end() ? character : found->second;
    at += character.size();
  }
  return result;
}

std::string latex(const Table& table) {
  std::string aligns;
  std::vector<std::string> headings;
  for (const auto& column : table.columns) {
    if (!is_printed(column)) continue;
    aligns += column.align == Align::kLeft ? 'l' : 'r';
    headings.push_back(latex_text(column.heading));
  }
  auto text = fmt::format("\\begin{{tabular}}{{@{{}}{}@{{}}}}\n\\toprule\n{}\\midrule\n",
                          aligns, line_of(headings));
  const std::string* group = nullptr;
  for (const auto& row : table.rows) {
    if (table.has_groups() && (!group || *group != row.group)) {
      if (group) text += "\\addlinespace\n";
      if (!row.group.empty()) {
        text += fmt::format("\\multicolumn{{{}}}{{@{{}}l}}{{\\emph{{{}}}}} \\\\\n",
                            headings.size(), latex_text(row.group));
      }
    }
    group = &row.group;
    std::vector<std::string> cells;
    for (std::size_t c = 0; c < table.columns.size(); ++c) {
      if (is_printed(table.columns[c])) {
        cells.push_back(printed_cell(row.cells[c], table.columns[c]));
      }
    }
    text += line_of(cells);
  }
  return text + "\\bottomrule\n\\end{tabular}\n";
}

}  // namespace bitsweep
