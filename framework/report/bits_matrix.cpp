// What bits of weights cost against bits of activations: a method's rows as a matrix.
#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include <fmt/format.h>

#include "framework/report/page_figures.h"

namespace bitsweep {
namespace {

using Cells = std::map<std::pair<int, int>, const ReportRow*>;  // by weight, activation

struct Family {
  std::string dataset, network, method;
  friend bool operator<(const Family& a, const Family& b) {
    return std::tie(a.dataset, a.network, a.method) <
           std::tie(b.dataset, b.network, b.method);
  }
};

// Rows of one width for all layers; of several with the same widths the study's first.
std::map<Family, Cells> families_of(const StudyReport& report) {
  std::map<Family, Cells> families;
  for (const auto& row : report.rows) {
    const RowBits& weights = row.row.weight_bits;
    const RowBits& activations = row.row.activation_bits;
    const bool is_plain = weights.is_known() && activations.is_known() &&
                          weights.others.empty() && activations.others.empty() &&
                          row.weight_bits == weights.text();
    if (!is_plain || row.row.is_baseline() || !row.row.pruning.empty()) continue;
    families[{row.row.dataset, row.row.network, row.row.method}].try_emplace(
        {weights.bits, activations.bits}, &row);
  }
  std::erase_if(families, [](const auto& family) {
    std::set<int> weights, activations;
    for (const auto& [bits, row] : family.second) {
      weights.insert(bits.first);
      activations.insert(bits.second);
    }
    return weights.size() < 2 || activations.size() < 2;
  });
  return families;
}

std::string bits_text(int bits) { return bits == 32 ? "float" : fmt::format("{}", bits); }

std::string cell_of(const Cells& cells, int weights, int activations) {
  const auto found = cells.find({weights, activations});
  if (found == cells.end()) return "<td></td>";
  const Summary& drop = found->second->metrics.at("accuracy_drop");
  if (drop.count == 0) return "<td class='right'>-</td>";
  const double depth = std::clamp(drop.mean / kCollapse, 0.0, 1.0);
  return fmt::format(
      "<td class='right shaded' style='--depth:{:.0f}%' title='{}'>{:.2f}"
      "</td>",
      60 * depth, html_text(found->second->row.label), drop.mean + 0.0);
}

std::string table_of(const Family& family, const Cells& cells) {
  std::set<int> weights, activations;
  for (const auto& [bits, row] : cells) {
    weights.insert(bits.first);
    activations.insert(bits.second);
  }
  std::string text = fmt::format(
      "<table class='matrix'><caption>{} on {}, {}</caption><thead><tr><th "
      "scope='col'>weight bits \\ activation bits</th>",
      html_text(family.method), html_text(family.network), html_text(family.dataset));
  for (const int bits : activations) {
    text += fmt::format("<th scope='col' class='right'>{}</th>", bits_text(bits));
  }
  text += "</tr></thead><tbody>\n";
  for (const int bits : weights) {
    text += fmt::format("<tr><th scope='row'>{}</th>", bits_text(bits));
    for (const int other : activations) text += cell_of(cells, bits, other);
    text += "</tr>\n";
  }
  return text + "</tbody></table>\n";
}

}  // namespace

std::string bits_matrices(const StudyReport& report) {
  std::string text;
  for (const auto& [family, cells] : families_of(report)) text += table_of(family, cells);
  return text;
}

}  // namespace bitsweep
