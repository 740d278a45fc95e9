#include "framework/app/idle_settings.h"

#include <algorithm>

#include <fmt/format.h>

#include "framework/config/written_row.h"

namespace bitsweep {

void IdleSettings::look(const RowSpec& row,
                        const std::map<std::string, std::string>& idle) {
  if (row.runs.front().is_float()) return;  // it stands for rows of other methods
  const WrittenRow& written = *row.written;
  if (const Node* method = written.row->find("method")) {
    look_at(*method, "method", written, idle);
  }
  const Node* sites = written.row->find("sites");
  for (std::size_t i = 0; sites != nullptr && i < sites->items.size(); ++i) {
    if (const Node* method = sites->items[i].find("method")) {
      look_at(*method, fmt::format("sites.{}.method", i), written, idle);
    }
  }
}

void IdleSettings::look_at(const Node& method, const std::string& key,
                           const WrittenRow& written,
                           const std::map<std::string, std::string>& idle) {
  for (std::size_t i = 0; i < method.keys.size(); ++i) {
    const Node& node = method.items[i];
    if (is_of_scheme(written, node)) continue;
    Setting& setting = setting_of(node, method.keys[i]);
    const auto found = idle.find(joined_path(key, method.keys[i]));
    setting.has_effect |= found == idle.end();
    if (found != idle.end()) setting.why = found->second;
  }
}

IdleSettings::Setting& IdleSettings::setting_of(const Node& node,
                                                const std::string& name) {
  const std::string id = node.place.prefix() + name;
  const auto found = std::find_if(settings_.begin(), settings_.end(),
                                  [&](const auto& known) { return known.first == id; });
  if (found != settings_.end()) return found->second;
  return settings_.emplace_back(id, Setting{node, "", false}).second;
}

void IdleSettings::report(Problems& problems) const {
  for (const auto& [id, setting] : settings_) {
    if (!setting.has_effect) problems.add(setting.node, setting.why);
  }
}

}  // namespace bitsweep
