// Reads a mapping of a configuration file, key by key.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "framework/config/problems.h"
#include "framework/schema/schema_of.h"

namespace bitsweep {

/// `node` as parameters are written: a word or a list of words; else a problem and
/// nothing.
std::optional<RawValue> raw_value(const Node& node, Problems& problems);

/// Knows which keys were asked for, so that all others are reported as unknown. Anything
/// but a mapping is a problem; null is an empty mapping.
class MappingReader {
 public:
  MappingReader(const Node& node, Problems& problems);

  /// The value of `key`, or null where the mapping is silent.
  const Node* get(const std::string& key);

  /// The fields of T's schema, defaults where the mapping is silent.
  template <class T>
  T fields();

  /// The mapping at `key` as a T that has fields only.
  template <class T>
  T group(const std::string& key);

  /// The list of mappings at `key`.
  template <class T>
  std::vector<T> groups(const std::string& key);

  /// The keys that nobody asked for, as parameters; they count as asked for.
  RawParams others();

  /// Reports each key that was not asked for.
  void refuse_others();

  /// The place of a parameter: its own, or the mapping's where it is not given.
  void report(const ParamProblem& problem);

 private:
  const Node* node_;
  Problems& problems_;
  std::vector<std::string> asked_;
};

/// A mapping that has T's fields and nothing else.
template <class T>
T read_fields(const Node& node, Problems& problems) {
  MappingReader reader(node, problems);
  T value = reader.fields<T>();
  reader.refuse_others();
  return value;
}

template <class T>
T MappingReader::fields() {
  const auto& schema = schema_of<T>();
  RawParams raw;
  for (const auto& name : schema.names()) {
    const Node* node = get(name);
    if (!node) continue;
    if (auto value = raw_value(*node, problems_)) raw[name] = std::move(*value);
  }
  std::vector<ParamProblem> found;
  T value = schema.parse(raw, found);
  for (const auto& problem : found) report(problem);
  return value;
}

template <class T>
T MappingReader::group(const std::string& key) {
  const Node* node = get(key);
  return node ? read_fields<T>(*node, problems_) : T{};
}

template <class T>
std::vector<T> MappingReader::groups(const std::string& key) {
  std::vector<T> values;
  const Node* node = get(key);
  if (!node) return values;
  if (!node->is_list()) {
    problems_.add(*node, "not a list");
    return values;
  }
  for (const Node& item : node->items) {
    values.push_back(read_fields<T>(item, problems_));
    if constexpr (requires { values.back().place; }) values.back().place = item.place;
  }
  return values;
}

}  // namespace bitsweep
