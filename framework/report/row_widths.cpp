#include "framework/report/row_widths.h"

#include <algorithm>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "framework/core/pattern.h"
#include "framework/eval/size.h"

namespace bitsweep {
namespace {

std::string layer_of(const SizeEntry& entry) {
  return entry.site.substr(0, entry.site.rfind('/'));
}

// The rule that sets a layer apart; nothing for a layer of the row's own method.
std::optional<std::size_t> rule_of(const RowBits& bits, const std::string& layer) {
  for (std::size_t i = 0; i < bits.others.size(); ++i) {
    if (matches_pattern(bits.others[i].layers, layer)) return i;
  }
  return std::nullopt;
}

/// The least and the greatest of widths.
class Span {
 public:
  void add(int bits) { bits_.insert(bits); }
  bool empty() const { return bits_.empty(); }
  // An en dash: spreadsheets take "5-8" for a day.
  std::string text() const {
    return bits_.size() == 1 ? fmt::format("{}", *bits_.begin())
                             : fmt::format("{}–{}", *bits_.begin(), *bits_.rbegin());
  }

 private:
  std::set<int> bits_;
};

// Where everything of the row's own is an edge or a rule's, `own` stays empty.
struct Spans {
  Span own;
  std::vector<Span> by_rule;
};

void add_weights(const ManifestRow& row, const RunRecord& record, Spans& spans) {
  std::vector<const SizeEntry*> weights;
  for (const SizeEntry& entry : record.sizes) {
    if (is_weight(entry)) weights.push_back(&entry);
  }
  for (const SizeEntry* entry : weights) {
    if (const auto rule = rule_of(row.weight_bits, layer_of(*entry))) {
      spans.by_rule[*rule].add(entry->bits);
      continue;
    }
    const bool is_edge = (entry == weights.front() && row.edges.first != "method") ||
                         (entry == weights.back() && row.edges.last != "method");
    if (!is_edge) spans.own.add(entry->bits);
  }
}

}  // namespace

std::string weight_bits_text(const ManifestRow& row, const std::vector<RunPair>& runs) {
  if (runs.empty() || row.is_baseline()) return row.weight_bits.text();
  Spans spans{{}, std::vector<Span>(row.weight_bits.others.size())};
  for (const auto& [run, baseline] : runs) add_weights(row, *run, spans);
  const RowBits& configured = row.weight_bits;
  std::string text = configured.is_known() ? std::to_string(configured.bits) : "";
  if (!spans.own.empty()) text = spans.own.text();
  std::vector<std::string> exceptions;
  for (std::size_t i = 0; i < spans.by_rule.size(); ++i) {
    const LayerBits& rule = configured.others[i];
    exceptions.push_back(spans.by_rule[i].empty() ? rule.text()
                                                  : fmt::format("{}: {}", rule.layers,
                                                                spans.by_rule[i].text()));
  }
  if (exceptions.empty()) return text;
  if (spans.own.empty()) return fmt::format("{}", fmt::join(exceptions, ", "));
  return fmt::format("{} ({})", text, fmt::join(exceptions, ", "));
}

std::string bias_text(const ManifestRow& row, const std::vector<RunPair>& runs) {
  if (row.is_baseline()) return "";
  if (runs.empty()) return row.edges.bias;
  std::set<int> widths;
  bool any_float = false;
  for (const auto& [run, baseline] : runs) {
    for (const SizeEntry& entry : run->sizes) {
      if (!entry.site.ends_with("/bias")) continue;
      any_float |= !entry.quantized;
      if (entry.quantized) widths.insert(entry.bits);
    }
  }
  std::vector<std::string> texts;
  for (const int bits : widths) texts.push_back(std::to_string(bits));
  if (any_float) texts.push_back("float");
  return texts.empty() ? "none" : fmt::format("{}", fmt::join(texts, ", "));
}

}  // namespace bitsweep
