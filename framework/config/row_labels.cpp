#include "framework/config/row_labels.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "framework/config/run_text.h"

namespace bitsweep {
namespace {

std::string setting_text(const std::string& path, const std::string& value) {
  static const std::map<std::string, std::string> short_names = {
      {"method.weight_bits", "w"},
      {"method.activation_bits", "a"},
      {"method.gradient_bits", "g"},
      {"dataset.id", ""},
      {"network.id", ""},
      {"method.id", ""},
      {"method.scheme", ""},
      {"sites", "with site "}};
  if (const auto found = short_names.find(path); found != short_names.end()) {
    return found->second + value;
  }
  constexpr std::array kPlain = {"method.", "edges.", "network.parameters.", "dataset."};
  for (const std::string prefix : kPlain) {
    if (path.starts_with(prefix))
      return fmt::format("{}={}", path.substr(prefix.size()), value);
  }
  return fmt::format("{}={}", path, value);
}

void append(std::string& label, const std::string& path, const std::string& value) {
  label += fmt::format(" {}", setting_text(path, value));
}

// Widths are always told, those of float parts aside.
bool is_width(const std::string& name, const std::string& value) {
  constexpr std::array kWidths = {"weight_bits", "activation_bits", "gradient_bits"};
  return std::find(kWidths.begin(), kWidths.end(), name) != kWidths.end() &&
         value != "32";
}

struct Named {
  RowSpec* row;
  Settings settings;
};

Settings telling_settings(const RowSpec& row) {
  Node node = run_node(row.runs.front());
  node.erase("seed");
  node.find("network")->erase("layers");
  return settings_of(node);
}

// How many of some rows have a value at a path; a missing one counts as empty.
class Shares {
 public:
  explicit Shares(const std::vector<Named>& rows) : rows_(rows.size()) {
    for (const auto& row : rows) {
      std::set<std::string> seen;
      for (const auto& [path, value] : row.settings) {
        if (!seen.insert(path).second || value.empty()) continue;
        ++filled_[path];
        ++counts_[{path, value}];
      }
    }
  }

  bool have_all(const std::pair<std::string, std::string>& setting) const {
    if (setting.second.empty()) return !filled_.count(setting.first);
    const auto found = counts_.find(setting);
    return found != counts_.end() && found->second == rows_;
  }

 private:
  std::size_t rows_;
  std::map<std::string, std::size_t> filled_;
  std::map<std::pair<std::string, std::string>, std::size_t> counts_;
};

// Splits rows by the first setting that not all have, until each is alone or none
// differs.
void tell_apart(const std::vector<Named>& rows) {
  const Shares shares(rows);
  std::map<std::string, std::vector<Named>> groups;
  for (const auto& named : rows) {
    const auto own =
        std::find_if(named.settings.begin(), named.settings.end(),
                     [&](const auto& setting) { return !shares.have_all(setting); });
    if (own == named.settings.end()) continue;
    const std::string text = " " + setting_text(own->first, own->second);
    if (!named.row->label.ends_with(text)) named.row->label += text;
    groups[setting_text(own->first, own->second)].push_back(named);
  }
  for (const auto& [text, same] : groups) {
    if (same.size() > 1) tell_apart(same);
  }
}

// What a row of a scheme is told by beside the scheme's name.
Settings with_changes(const Settings& choices, const std::vector<SchemeChange>& changes) {
  Settings all;
  std::copy_if(choices.begin(), choices.end(), std::back_inserter(all),
               [](const auto& choice) { return choice.first != "method.scheme"; });
  for (const auto& change : changes) {
    const bool is_there = std::any_of(all.begin(), all.end(), [&](const auto& choice) {
      return choice.first == change.key;
    });
    if (!is_there && !change.is_unsaid) all.emplace_back(change.key, change.own);
  }
  return all;
}

}  // namespace

std::string row_label(const RowName& name, const RunSpec& run,
                      const std::vector<FieldInfo>& fields, const Settings& chosen_ones) {
  const bool is_scheme = name.label.empty() && !name.scheme.empty();
  const std::string& own = is_scheme ? name.scheme : name.label;
  const Settings choices =
      is_scheme ? with_changes(chosen_ones, name.changes) : chosen_ones;
  std::string label = own.empty() ? run.method.id : own;
  if (name.label.empty() && run.pruning) label += " pruned";
  for (const auto& field : fields) {
    const auto value = run.method.params.find(field.name);
    if (value == run.method.params.end()) continue;
    const std::string path = "method." + field.name;
    const bool chosen =
        std::any_of(choices.begin(), choices.end(),
                    [&](const auto& choice) { return choice.first == path; });
    const bool special = own.empty() && (value->second.text() != field.default_value ||
                                         is_width(field.name, value->second.text()));
    if (chosen || special) append(label, path, value->second.text());
  }
  for (const auto& [path, value] : choices) {
    const bool is_named = path == "method.id" || path == "method.scheme";
    const bool is_told = path.starts_with("method.") && !(is_named && !own.empty());
    if (!is_told) append(label, path, value);
  }
  return label;
}

void make_labels_differ(std::vector<RowSpec>& rows) {
  // What tells some rows apart may make them like others, which are then told apart too.
  constexpr int kMostRounds = 8;
  for (int round = 0; round < kMostRounds; ++round) {
    std::map<std::string, std::vector<Named>> by_label;
    for (auto& row : rows) by_label[row.label].push_back({&row, {}});
    if (by_label.size() == rows.size()) return;
    for (auto& [label, same] : by_label) {
      if (same.size() == 1) continue;
      for (auto& named : same) named.settings = telling_settings(*named.row);
      tell_apart(same);
    }
  }
}

}  // namespace bitsweep
