#include "framework/quant/registry.h"

#include <fmt/format.h>

#include "framework/core/error.h"
#include "framework/quant/method.h"

namespace bitsweep {

void MethodRegistry::add(MethodEntry entry) {
  const auto found = entries_.find(entry.id);
  if (found != entries_.end()) {
    throw PluginError(fmt::format("{}: method '{}' is already there from {}; rename one",
                                  entry.origin, entry.id, found->second.origin));
  }
  const std::string id = entry.id;
  entries_.emplace(id, std::move(entry));
}

const MethodEntry& MethodRegistry::at(const std::string& id) const {
  const auto found = entries_.find(id);
  if (found == entries_.end()) throw ConfigError(unknown_message(id));
  return found->second;
}

std::string MethodRegistry::unknown_message(const std::string& id) const {
  const auto known = ids();
  const std::string near = nearest_word(id, known);
  return fmt::format("unknown method '{}'; {}available: {}", id,
                     near.empty() ? "" : fmt::format("did you mean '{}'? ", near),
                     fmt::join(known, ", "));
}

std::vector<std::string> MethodRegistry::ids() const {
  std::vector<std::string> ids;
  for (const auto& [id, entry] : entries_) ids.push_back(id);
  return ids;
}

}  // namespace bitsweep
