#include "framework/core/saved_state.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

namespace bitsweep {

bool is_same(const StateValue& a, const StateValue& b) {
  const auto same_list = [&]<class T>(const std::vector<T>& list) {
    const auto* other = std::get_if<std::vector<T>>(&b);
    if (other == nullptr || other->size() != list.size()) return false;
    if constexpr (std::is_arithmetic_v<T>) {
      return list.empty() ||
             std::memcmp(list.data(), other->data(), list.size() * sizeof(T)) == 0;
    } else {
      return list == *other;
    }
  };
  return std::visit(same_list, a);
}

bool is_same(const SavedState& a, const SavedState& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto& x, const auto& y) {
                      return x.first == y.first && is_same(x.second, y.second);
                    });
}

void show_state(SavedState& state, SavedStateVisitor& visitor) {
  for (auto& [name, value] : state) {
    std::visit([&, &its_name = name](auto& list) { visitor.values(its_name, list); },
               value);
  }
}

void StateReader::add(const std::string& name, StateValue value) {
  const bool is_new = state_.emplace(name, std::move(value)).second;
  ensure(is_new, "names of a state are unique");
}

void StateReader::values(const std::string& name, std::vector<float>& list) {
  add(name, list);
}
void StateReader::values(const std::string& name, std::vector<double>& list) {
  add(name, list);
}
void StateReader::values(const std::string& name, std::vector<std::int8_t>& list) {
  add(name, list);
}
void StateReader::values(const std::string& name, std::vector<std::int64_t>& list) {
  add(name, list);
}
void StateReader::values(const std::string& name, std::vector<std::string>& list) {
  add(name, list);
}
void StateReader::tensor(const std::string& name, std::span<float> values) {
  add(name, std::vector<float>(values.begin(), values.end()));
}

template <class List>
const List& StateWriter::take(const std::string& name) {
  const auto found = state_.find(name);
  if (found == state_.end()) throw StateError(fmt::format("it has no '{}'", name));
  const List* list = std::get_if<List>(&found->second);
  if (list == nullptr) {
    throw StateError(fmt::format("its '{}' holds another kind of values", name));
  }
  taken_.insert(name);
  return *list;
}

void StateWriter::values(const std::string& name, std::vector<float>& list) {
  list = take<std::vector<float>>(name);
}
void StateWriter::values(const std::string& name, std::vector<double>& list) {
  list = take<std::vector<double>>(name);
}
void StateWriter::values(const std::string& name, std::vector<std::int8_t>& list) {
  list = take<std::vector<std::int8_t>>(name);
}
void StateWriter::values(const std::string& name, std::vector<std::int64_t>& list) {
  list = take<std::vector<std::int64_t>>(name);
}
void StateWriter::values(const std::string& name, std::vector<std::string>& list) {
  list = take<std::vector<std::string>>(name);
}
void StateWriter::tensor(const std::string& name, std::span<float> values) {
  const auto& stored = take<std::vector<float>>(name);
  if (stored.size() != values.size()) {
    throw StateError(fmt::format("its '{}' has {} values, expected {}", name,
                                 stored.size(), values.size()));
  }
  std::copy(stored.begin(), stored.end(), values.begin());
}

void StateWriter::refuse_rest() const {
  for (const auto& [name, value] : state_) {
    if (!taken_.contains(name)) {
      throw StateError(fmt::format("it has a '{}' that is not expected", name));
    }
  }
}

}  // namespace bitsweep
