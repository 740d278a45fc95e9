// A value of a YAML file: a word, a list or a mapping, and where it stands. What is wrong
// with it is said with its place, long after the file was closed.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "framework/config/model_spec.h"

namespace bitsweep {

struct Node {
  enum class Kind { kNull, kWord, kList, kMapping };

  Kind kind = Kind::kNull;
  std::string word;
  std::vector<Node> items;        // of a list, or the values of a mapping
  std::vector<std::string> keys;  // of a mapping, one for each item, in the file's order
  Place place;
  std::string path;  // "rows.0.method.weight_bits"

  static Node of_word(std::string word);
  static Node of_list(std::vector<Node> items = {});
  static Node of_mapping();

  bool is_null() const { return kind == Kind::kNull; }
  bool is_word() const { return kind == Kind::kWord; }
  bool is_word(std::string_view text) const { return is_word() && word == text; }
  bool is_list() const { return kind == Kind::kList; }
  bool is_mapping() const { return kind == Kind::kMapping; }

  /// The value of `key`, or null when this is no mapping or has no such key.
  const Node* find(std::string_view key) const;
  Node* find(std::string_view key);
  /// Replaces the value of `key`, or adds it behind the others.
  void set(const std::string& key, Node value);
  void erase(std::string_view key);
};

/// "rows" and "0" give "rows.0".
std::string joined_path(const std::string& path, const std::string& key);

/// `base` with what `over` says put over it: mappings merge key by key (null is an
/// empty one), all else is replaced. A merged mapping stands where `over` does.
Node merged(Node base, const Node& over);

/// Every word, or list of words, below `node`, by its dotted path from there.
using Settings = std::vector<std::pair<std::string, std::string>>;
Settings settings_of(const Node& node);

/// One of the nodes that a node with lists stands for, and what was chosen from each
/// list.
struct Variation {
  Node node;
  Settings choices;  // {"method.weight_bits", "4"}
};

/// Every combination of the items of those lists, reached through mappings, that
/// `is_axis` calls alternatives; the first list in the file varies slowest. Stops when
/// there are more than `most`: a caller that finds more refuses them.
using IsAxis = std::function<bool(const Node& root, const std::vector<std::string>& keys,
                                  const Node& value)>;
std::vector<Variation> variations(const Node& root, const IsAxis& is_axis,
                                  std::size_t most);

/// Nodes of the tree, `node` itself counted.
std::size_t node_count(const Node& node);

}  // namespace bitsweep
