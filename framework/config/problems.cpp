#include "framework/config/problems.h"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>

#include "framework/core/error.h"

namespace bitsweep {
namespace {

constexpr std::size_t kMostShown = 100;

std::string placed(const Place& place, const std::string& path,
                   const std::string& sentence) {
  // An override's place is its path.
  const bool says_path = place.file == "--set " + path;
  std::string text = sentence;
  if (!path.empty() && !says_path) text = fmt::format("{}: {}", path, text);
  if (!place.file.empty()) text = fmt::format("{}: {}", place.text(), text);
  return text;
}

}  // namespace

std::string Place::text() const {
  return line > 0 ? fmt::format("{}:{}", file, line) : file;
}

void Problems::add(const Place& place, const std::string& path,
                   const std::string& sentence) {
  ++added_;
  std::string text = placed(place, path, sentence);
  // The rows that a list stands for share their mistakes.
  if (texts_.insert(text).second) found_.push_back({place, std::move(text)});
}

void Problems::note(const Node& node, const std::string& sentence) {
  std::string text = placed(node.place, node.path, sentence);
  if (texts_.insert(text).second) notes_.push_back(std::move(text));
}

void Problems::throw_if_any() const {
  if (found_.empty()) return;
  auto sorted = found_;
  std::stable_sort(sorted.begin(), sorted.end(), [](const Problem& a, const Problem& b) {
    return std::tie(a.place.file, a.place.line) < std::tie(b.place.file, b.place.line);
  });
  std::vector<std::string> lines;
  for (const auto& problem : sorted) {
    if (lines.size() == kMostShown) {
      lines.push_back(fmt::format("and {} more", sorted.size() - kMostShown));
      break;
    }
    lines.push_back(problem.text);
  }
  throw ConfigError(fmt::format("{}", fmt::join(lines, "\n")));
}

}  // namespace bitsweep
