#include "framework/config/written_row.h"

#include <filesystem>
#include <utility>

#include <fmt/format.h>

namespace bitsweep {
namespace {

// The first key of a path, and the rest.
std::pair<std::string, std::string> split_path(const std::string& path) {
  const auto dot = path.find('.');
  if (dot == std::string::npos) return {path, ""};
  return {path.substr(0, dot), path.substr(dot + 1)};
}

void add_at(Problems& problems, const Node& node, const std::string& rest,
            const std::string& sentence) {
  const auto [key, below] = split_path(rest);
  const Node* found = rest.empty() ? nullptr : node.find(key);
  if (found) return add_at(problems, *found, below, sentence);
  // An override stands for all that is below it.
  const std::string path = rest.empty() ? node.path : joined_path(node.path, rest);
  problems.add(node.place, path, sentence);
}

}  // namespace

std::string changes_text(const WrittenRow& written) {
  if (written.scheme_changes.empty()) return "";
  std::vector<std::string> changes;
  for (const SchemeChange& change : written.scheme_changes) {
    changes.push_back(
        fmt::format("{}={} (scheme: {})", change.key, change.own, change.published));
  }
  return fmt::format("{} as published: {}", written.scheme, fmt::join(changes, ", "));
}

bool is_of_scheme(const WrittenRow& written, const Node& node) {
  const std::filesystem::path file = node.place.file;
  return !written.scheme.empty() && file.stem() == written.scheme &&
         file.parent_path().filename() == "schemes";
}

void add_problem(Problems& problems, const WrittenRow& written, const std::string& key,
                 const std::string& sentence) {
  const auto [group, below] = split_path(key);
  if (group == "dataset") return add_at(problems, *written.dataset, below, sentence);
  if (group == "network") return add_at(problems, *written.network, below, sentence);
  if (written.row->find(group)) return add_at(problems, *written.row, key, sentence);
  const bool is_trained = group == "training" || group == "fine_tuning";
  problems.add((is_trained ? written.network : written.row)->place, key, sentence);
}

}  // namespace bitsweep
