// Nodes as text.

#include <algorithm>
#include <cctype>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "framework/config/yaml.h"

namespace bitsweep {
namespace {

// Whether YAML reads the plain word back as this word.
bool is_plain(const std::string& word) {
  const auto is_safe = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) ||
           std::string_view("_./+- ").find(c) != std::string_view::npos;
  };
  return !word.empty() && word != "null" && word.front() != ' ' && word.back() != ' ' &&
         word != "-" && !word.starts_with("- ") && !word.starts_with("---") &&
         !word.starts_with("...") && std::all_of(word.begin(), word.end(), is_safe);
}

std::string quoted(const std::string& word) {
  if (is_plain(word)) return word;
  std::string text = "\"";
  for (const char c : word) {
    if (c == '"' || c == '\\') text += '\\';
    if (c == '\n') {
      text += "\\n";
    } else if (c == '\t') {
      text += "\\t";
    } else {
      text += c;
    }
  }
  return text + '"';
}

std::string flow_text(const Node& node) {
  if (node.is_null()) return "null";
  if (node.is_word()) return quoted(node.word);
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const std::string key = node.is_mapping() ? quoted(node.keys[i]) + ": " : "";
    parts.push_back(key + flow_text(node.items[i]));
  }
  return fmt::format(fmt::runtime(node.is_list() ? "[{}]" : "{{{}}}"),
                     fmt::join(parts, ", "));
}

constexpr std::size_t kLineWidth = 90;

// Lines of the node, the first one without its indentation: the parent has written it.
std::string block_text(const Node& node, std::size_t indent) {
  std::string text;
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const Node& item = node.items[i];
    const std::string lead = node.is_list() ? "-" : quoted(node.keys[i]) + ":";
    const std::string flow = flow_text(item);
    if (i > 0) text += std::string(indent, ' ');
    if (item.items.empty() || indent + lead.size() + 1 + flow.size() <= kLineWidth) {
      text += lead + " " + flow + "\n";
    } else if (node.is_list()) {
      text += "- " + block_text(item, indent + 2);
    } else {
      text += lead + "\n" + std::string(indent + 2, ' ') + block_text(item, indent + 2);
    }
  }
  return text;
}

}  // namespace

std::string write_yaml(const Node& node) {
  return node.items.empty() ? flow_text(node) + "\n" : block_text(node, 0);
}

}  // namespace bitsweep
