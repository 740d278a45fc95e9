// The settings of all rows as JSON within the page, for its comparison of two rows.
#include <nlohmann/json.hpp>

#include "framework/report/page_figures.h"

namespace bitsweep {
namespace {

using RowSettings = std::map<std::string, std::string>;

// What every row says alike stands in the page once.
RowSettings shared_settings(const StudyReport& report) {
  const RowSettings* first = nullptr;
  RowSettings shared;
  for (const auto& row : report.rows) {
    const RowSettings& settings = row.network.settings;
    if (settings.empty()) continue;
    if (first == nullptr) shared = *(first = &settings);
    std::erase_if(shared, [&](const auto& setting) {
      const auto found = settings.find(setting.first);
      return found == settings.end() || found->second != setting.second;
    });
  }
  return shared;
}

}  // namespace

std::string settings_json(const StudyReport& report) {
  const RowSettings shared = shared_settings(report);
  auto rows = nlohmann::json::array();
  for (const auto& row : report.rows) {
    RowSettings own;
    for (const auto& [key, value] : row.network.settings) {
      if (!shared.contains(key)) own[key] = value;
    }
    rows.push_back(own);
  }
  std::string text = rows.dump();
  // Nothing in it may end the script element.
  for (std::size_t at = 0; (at = text.find('<', at)) != text.npos;) {
    text.replace(at, 1, "\\u003c");
  }
  return text;
}

}  // namespace bitsweep
