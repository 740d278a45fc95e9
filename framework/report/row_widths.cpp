#include "framework/report/row_widths.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

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

// "8 (conv2: 4)": what a layer has, of the row's own or of the first rule that matches it.
// `configured` stands where all layers are a rule's or an edge's.
class LayerWidths {
 public:
  LayerWidths(const RowBits& configured, bool is_first_own, bool is_last_own)
      : configured_(configured),
        is_first_own_(is_first_own),
        is_last_own_(is_last_own),
        by_rule_(configured.others.size()) {}

  /// Of a run's layers, first to last.
  void add(const std::vector<std::pair<std::string, int>>& layers) {
    for (std::size_t i = 0; i < layers.size(); ++i) {
      const auto& [layer, bits] = layers[i];
      const bool is_edge =
          (i == 0 && !is_first_own_) || (i + 1 == layers.size() && !is_last_own_);
      if (const auto rule = rule_of(configured_, layer)) {
        by_rule_[*rule].add(bits);
      } else if (!is_edge) {
        own_.add(bits);
      }
    }
  }

  std::string text() const {
    std::string text = configured_.is_known() ? std::to_string(configured_.bits) : "";
    if (!own_.empty()) text = own_.text();
    std::vector<std::string> exceptions;
    for (std::size_t i = 0; i < by_rule_.size(); ++i) {
      if (by_rule_[i].empty()) continue;  // it has no such tensor, or others were first
      exceptions.push_back(
          fmt::format("{}: {}", configured_.others[i].layers, by_rule_[i].text()));
    }
    if (exceptions.empty()) return text;
    if (own_.empty()) return fmt::format("{}", fmt::join(exceptions, ", "));
    return fmt::format("{} ({})", text, fmt::join(exceptions, ", "));
  }

 private:
  const RowBits& configured_;
  bool is_first_own_, is_last_own_;
  Span own_;  // empty where everything of the row's own is an edge or a rule's
  std::vector<Span> by_rule_;
};

std::vector<std::pair<std::string, int>> weight_widths(const RunRecord& record) {
  std::vector<std::pair<std::string, int>> widths;
  for (const SizeEntry& entry : record.sizes) {
    if (is_weight(entry)) widths.emplace_back(layer_of(entry), entry.bits);
  }
  return widths;
}

// Of a layer that a rule of the row takes from the edges; else as the edges say.
std::string edge_text(const ManifestRow& row, const std::vector<RunPair>& runs,
                      const std::string& configured, bool is_first) {
  if (row.is_baseline()) return "";
  std::set<int> widths;
  for (const auto& [run, baseline] : runs) {
    const auto layers = weight_widths(*run);
    if (layers.empty()) return configured;
    const auto& [layer, bits] = is_first ? layers.front() : layers.back();
    if (!rule_of(row.weight_bits, layer)) return configured;
    widths.insert(bits);
  }
  std::vector<std::string> texts;
  for (const int bits : widths) {
    texts.push_back(bits == 32 ? "float" : std::to_string(bits));
  }
  return texts.empty() ? configured : fmt::format("{}", fmt::join(texts, ", "));
}

}  // namespace

std::string weight_bits_text(const ManifestRow& row, const std::vector<RunPair>& runs) {
  if (runs.empty() || row.is_baseline()) return row.weight_bits.text();
  LayerWidths widths(row.weight_bits, row.edges.first == "method",
                     row.edges.last == "method");
  for (const auto& [run, baseline] : runs) widths.add(weight_widths(*run));
  return widths.text();
}

std::string activation_bits_text(const ManifestRow& row,
                                 const std::vector<RunPair>& runs) {
  // Where rules overlap, the records tell who has a layer; else what was asked for is so.
  if (runs.empty() || row.activation_bits.others.empty()) {
    return row.activation_bits.text();
  }
  const bool is_image_own = row.edges.first == "method" && row.edges.image == "method";
  LayerWidths widths(row.activation_bits, is_image_own, row.edges.last == "method");
  for (const auto& [run, baseline] : runs) {
    std::vector<std::pair<std::string, int>> layers;
    for (const ProductEntry& product : run->products) {
      layers.emplace_back(product.layer, product.input_bits);
    }
    if (layers.empty()) return row.activation_bits.text();
    widths.add(layers);
  }
  return widths.text();
}

std::string first_text(const ManifestRow& row, const std::vector<RunPair>& runs) {
  return edge_text(row, runs, row.edges.first, /*is_first=*/true);
}

std::string last_text(const ManifestRow& row, const std::vector<RunPair>& runs) {
  return edge_text(row, runs, row.edges.last, /*is_first=*/false);
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
