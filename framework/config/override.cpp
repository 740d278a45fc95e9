#include "framework/config/override.h"

#include <charconv>
#include <sstream>
#include <vector>

#include <fmt/format.h>

#include "framework/config/yaml.h"

namespace bitsweep {
namespace {

Node* list_item(Node& list, const std::string& key) {
  std::size_t index = 0;
  const auto [stop, failure] =
      std::from_chars(key.data(), key.data() + key.size(), index);
  const bool is_index = failure == std::errc{} && stop == key.data() + key.size();
  return is_index && index < list.items.size() ? &list.items[index] : nullptr;
}

// The child of `node` named `key`, made when `node` is a mapping without it.
Node* child(Node& node, const std::string& key, const Place& place) {
  if (node.is_list()) return list_item(node, key);
  if (node.is_null()) node.kind = Node::Kind::kMapping;
  if (!node.is_mapping()) return nullptr;
  if (!node.find(key)) {
    Node made;
    made.place = place;
    made.path = joined_path(node.path, key);
    node.set(key, std::move(made));
  }
  return node.find(key);
}

std::string no_child_text(const Node& node, const std::string& key) {
  if (node.is_word()) {
    return fmt::format("'{}' is the word '{}', which has nothing below it", node.path,
                       node.word);
  }
  if (node.items.empty()) return fmt::format("'{}' is an empty list", node.path);
  return fmt::format("'{}' is a list; '{}' is not one of its items, 0 to {}", node.path,
                     key, node.items.size() - 1);
}

// Gives a value that was parsed on its own the place and path it has in the tree.
void settle(Node& node, const Place& place, const std::string& path) {
  node.place = place;
  node.path = path;
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    settle(node.items[i], place,
           joined_path(path, node.is_mapping() ? node.keys[i] : fmt::format("{}", i)));
  }
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

}  // namespace

void apply_override(Node& root, const std::string& setting, Problems& problems) {
  const auto equals = setting.find('=');
  const std::string path = setting.substr(0, equals);
  const Place place{"--set " + path, 0};
  if (equals == std::string::npos || path.empty()) {
    problems.add(place, "", "not of the form key.key=value");
    return;
  }
  Node* node = &root;
  for (const auto& key : split(path, '.')) {
    Node* below = child(*node, key, place);
    if (!below) {
      problems.add(place, "", no_child_text(*node, key));
      return;
    }
    node = below;
  }
  Node value = parse_yaml(setting.substr(equals + 1), place.file, problems);
  if (value.is_null()) {
    problems.add(place, "", "has no value; write one behind the '=', or leave it out");
    return;
  }
  settle(value, place, path);
  *node = std::move(value);
}

}  // namespace bitsweep
