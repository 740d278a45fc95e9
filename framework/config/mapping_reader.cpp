#include "framework/config/mapping_reader.h"

#include <algorithm>

#include <fmt/format.h>

namespace bitsweep {

std::optional<RawValue> raw_value(const Node& node, Problems& problems) {
  if (node.is_word()) return RawValue::scalar(node.word);
  if (node.is_null()) {
    problems.add(node, "no value; give one or remove the key");
    return std::nullopt;
  }
  std::vector<std::string> words;
  for (const Node& item : node.items) words.push_back(item.word);
  const bool is_flat = std::all_of(node.items.begin(), node.items.end(),
                                   [](const Node& item) { return item.is_word(); });
  if (node.is_list() && is_flat) return RawValue::list(std::move(words));
  problems.add(node, "a word or a list of words is expected here");
  return std::nullopt;
}

MappingReader::MappingReader(const Node& node, Problems& problems)
    : node_(&node), problems_(problems) {
  if (node.is_mapping() || node.is_null()) return;
  problems.add(node, node.is_list() ? "a list, where a mapping {key: value} is expected"
                                    : fmt::format("'{}' is not a mapping {{key: value}}",
                                                  node.word));
}

const Node* MappingReader::get(const std::string& key) {
  asked_.push_back(key);
  return node_->is_mapping() ? node_->find(key) : nullptr;
}

RawParams MappingReader::others() {
  RawParams params;
  if (!node_->is_mapping()) return params;
  for (const auto& key : node_->keys) {
    if (std::find(asked_.begin(), asked_.end(), key) != asked_.end()) continue;
    if (auto value = raw_value(*get(key), problems_)) params[key] = std::move(*value);
  }
  return params;
}

void MappingReader::refuse_others() {
  if (!node_->is_mapping()) return;
  for (std::size_t i = 0; i < node_->keys.size(); ++i) {
    const auto& key = node_->keys[i];
    if (std::find(asked_.begin(), asked_.end(), key) != asked_.end()) continue;
    problems_.add(node_->items[i], unknown_text("key", key, asked_));
  }
}

void MappingReader::report(const ParamProblem& problem) {
  const Node* value = node_->find(problem.name);
  if (value) {
    problems_.add(*value, problem.text);
  } else {
    problems_.add(node_->place, joined_path(node_->path, problem.name), problem.text);
  }
}

}  // namespace bitsweep
