#include "framework/config/node.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

#include <fmt/format.h>

namespace bitsweep {
namespace {

using Keys = std::vector<std::string>;

bool is_list_of_words(const Node& node) {
  return node.is_list() && std::all_of(node.items.begin(), node.items.end(),
                                       [](const Node& item) { return item.is_word(); });
}

std::string text_of(const Node& node) {
  if (!node.is_list()) return node.word;
  std::vector<std::string> words;
  for (const Node& item : node.items) words.push_back(text_of(item));
  return fmt::format("[{}]", fmt::join(words, ", "));
}

void collect_settings(const Node& node, const std::string& path, Settings& settings) {
  if (node.is_word() || is_list_of_words(node)) {
    settings.emplace_back(path, text_of(node));
    return;
  }
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const std::string key = node.is_mapping() ? node.keys[i] : fmt::format("{}", i);
    collect_settings(node.items[i], joined_path(path, key), settings);
  }
}

// The keys that lead to the first list of alternatives.
std::optional<Keys> first_axis(const Node& root, const Node& node, const Keys& keys,
                               const IsAxis& is_axis) {
  if (node.is_list() && !node.items.empty() && is_axis(root, keys, node)) return keys;
  if (!node.is_mapping()) return std::nullopt;
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    Keys below = keys;
    below.push_back(node.keys[i]);
    if (auto found = first_axis(root, node.items[i], below, is_axis)) return found;
  }
  return std::nullopt;
}

Node& descend(Node& root, const Keys& keys) {
  Node* node = &root;
  for (const auto& key : keys) node = node->find(key);
  return *node;
}

}  // namespace

Node Node::of_word(std::string word) {
  Node node;
  node.kind = Kind::kWord;
  node.word = std::move(word);
  return node;
}

Node Node::of_list(std::vector<Node> items) {
  Node node;
  node.kind = Kind::kList;
  node.items = std::move(items);
  return node;
}

Node Node::of_mapping() {
  Node node;
  node.kind = Kind::kMapping;
  return node;
}

const Node* Node::find(std::string_view key) const {
  const auto found = std::find(keys.begin(), keys.end(), key);
  return found == keys.end() ? nullptr : &items[std::size_t(found - keys.begin())];
}

Node* Node::find(std::string_view key) {
  return const_cast<Node*>(std::as_const(*this).find(key));
}

void Node::set(const std::string& key, Node value) {
  if (Node* old = find(key)) {
    *old = std::move(value);
  } else {
    keys.push_back(key);
    items.push_back(std::move(value));
  }
}

void Node::erase(std::string_view key) {
  const auto found = std::find(keys.begin(), keys.end(), key);
  if (found == keys.end()) return;
  items.erase(items.begin() + (found - keys.begin()));
  keys.erase(found);
}

std::string joined_path(const std::string& path, const std::string& key) {
  return path.empty() ? key : path + "." + key;
}

Node merged(Node base, const Node& over) {
  if (!base.is_mapping() || !(over.is_mapping() || over.is_null())) return over;
  base.place = over.place;
  base.path = over.path;
  for (std::size_t i = 0; i < over.keys.size(); ++i) {
    const Node* old = base.find(over.keys[i]);
    base.set(over.keys[i], old ? merged(*old, over.items[i]) : over.items[i]);
  }
  return base;
}

Settings settings_of(const Node& node) {
  Settings settings;
  collect_settings(node, "", settings);
  return settings;
}

std::vector<Variation> variations(const Node& root, const IsAxis& is_axis,
                                  std::size_t most) {
  const auto keys = first_axis(root, root, {}, is_axis);
  if (!keys) return {{root, {}}};
  std::vector<Variation> all;
  Node chosen = root;
  const Node axis = std::exchange(descend(chosen, *keys), Node{});
  for (const Node& item : axis.items) {
    Node& value = descend(chosen, *keys);
    value = item;
    value.path = axis.path;
    for (auto& variation : variations(chosen, is_axis, most - all.size())) {
      const auto path = fmt::format("{}", fmt::join(*keys, "."));
      variation.choices.insert(variation.choices.begin(), {path, text_of(item)});
      all.push_back(std::move(variation));
    }
    if (all.size() > most) break;
  }
  return all;
}

std::size_t node_count(const Node& node) {
  return std::accumulate(
      node.items.begin(), node.items.end(), std::size_t(1),
      [](std::size_t sum, const Node& item) { return sum + node_count(item); });
}

}  // namespace bitsweep
