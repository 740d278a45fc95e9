#include "framework/app/scheme_text.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "framework/app/command_line.h"
#include "framework/config/written_row.h"

namespace bitsweep {

std::string scheme_list(const ConfigFolders& folders) {
  std::vector<std::pair<std::string, std::string>> lines;
  for (const auto& id : known_schemes(folders)) {
    lines.emplace_back(id, scheme_info(id, folders).source);
  }
  return two_columns(lines);
}

std::string scheme_card(const SchemeInfo& scheme) {
  std::vector<std::pair<std::string, std::string>> lines = {
      {"source", scheme.source}, {"file", scheme.file.string()}};
  for (const auto& [key, value] : scheme.settings) lines.emplace_back(key, value);
  return scheme.id + "\n" + two_columns(lines);
}

std::vector<std::string> scheme_notes(const StudySpec& study) {
  std::vector<std::string> notes;
  std::vector<std::string> changed;
  std::set<std::string> told;
  const ConfigFolders folders(study.file);
  for (const auto& row : study.rows) {
    // Baselines are written where the row is that asks for them first.
    const bool is_float = row.runs.front().is_float();
    const std::string id = row.written && !is_float ? row.written->scheme : "";
    if (id.empty()) continue;
    if (const std::string changes = changes_text(*row.written); !changes.empty()) {
      changed.push_back(fmt::format("row '{}' is not the scheme {}", row.label, changes));
    }
    if (!told.insert(id).second) continue;
    const SchemeInfo scheme = scheme_info(id, folders);
    std::vector<std::string> settings;
    for (const auto& [key, value] : scheme.settings) {
      settings.push_back(fmt::format("{}={}", key, value));
    }
    notes.push_back(fmt::format("scheme {} sets {} (source: {})", id,
                                fmt::join(settings, " "), scheme.source));
  }
  notes.insert(notes.end(), changed.begin(), changed.end());
  return notes;
}

}  // namespace bitsweep
