// Everything that something under way must be given to go on where it stood: named lists
// of numbers and texts.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "framework/core/error.h"

namespace bitsweep {

using StateValue =
    std::variant<std::vector<float>, std::vector<double>, std::vector<std::int8_t>,
                 std::vector<std::int64_t>, std::vector<std::string>>;

/// By name: "network/conv1/weight", "optimizer/conv1/weight/momentum", "trainer/step".
using SavedState = std::map<std::string, StateValue>;

/// Bits, not numbers: a NaN is itself, and -0 is not 0.
bool is_same(const StateValue& a, const StateValue& b);
bool is_same(const SavedState& a, const SavedState& b);

/// A state that belongs to something else: a value is missing, left over, or of another
/// kind or length.
class StateError : public RunError {
 public:
  using RunError::RunError;
};

/// Goes through a state value by value, and reads or replaces each. What is visited names
/// its values once, for both directions; names are unique.
class SavedStateVisitor {
 public:
  virtual ~SavedStateVisitor() = default;

  /// Lists that may be replaced by some of another length.
  virtual void values(const std::string& name, std::vector<float>& list) = 0;
  virtual void values(const std::string& name, std::vector<double>& list) = 0;
  virtual void values(const std::string& name, std::vector<std::int8_t>& list) = 0;
  virtual void values(const std::string& name, std::vector<std::int64_t>& list) = 0;
  virtual void values(const std::string& name, std::vector<std::string>& list) = 0;
  /// A tensor, whose length is given.
  virtual void tensor(const std::string& name, std::span<float> values) = 0;

  /// A number, or yes and no.
  template <class T>
  void value(const std::string& name, T& number) {
    using Stored = std::conditional_t<std::integral<T>, std::int64_t, T>;
    std::vector<Stored> one{Stored(number)};
    values(name, one);
    if (one.size() != 1) throw StateError("its '" + name + "' is no single number");
    number = T(one.front());
  }
};

/// Shows a state to a visitor, which reads it.
using ShowState = std::function<void(SavedStateVisitor&)>;
/// Shows what was saved.
void show_state(SavedState& state, SavedStateVisitor& visitor);

/// Adds what is visited to a state.
class StateReader final : public SavedStateVisitor {
 public:
  explicit StateReader(SavedState& state) : state_(state) {}
  void values(const std::string& name, std::vector<float>& list) override;
  void values(const std::string& name, std::vector<double>& list) override;
  void values(const std::string& name, std::vector<std::int8_t>& list) override;
  void values(const std::string& name, std::vector<std::int64_t>& list) override;
  void values(const std::string& name, std::vector<std::string>& list) override;
  void tensor(const std::string& name, std::span<float> values) override;

 private:
  void add(const std::string& name, StateValue value);

  SavedState& state_;
};

/// Replaces what is visited by the values of a state, which must outlive it. Throws
/// StateError where the two do not fit.
class StateWriter final : public SavedStateVisitor {
 public:
  explicit StateWriter(const SavedState& state) : state_(state) {}
  void values(const std::string& name, std::vector<float>& list) override;
  void values(const std::string& name, std::vector<double>& list) override;
  void values(const std::string& name, std::vector<std::int8_t>& list) override;
  void values(const std::string& name, std::vector<std::int64_t>& list) override;
  void values(const std::string& name, std::vector<std::string>& list) override;
  void tensor(const std::string& name, std::span<float> values) override;

  /// Call at the end: every value must have found its place.
  void refuse_rest() const;

 private:
  template <class List>
  const List& take(const std::string& name);

  const SavedState& state_;
  std::set<std::string> taken_;
};

/// A map of lists, whose names are part of the state.
template <class T>
void visit_lists(SavedStateVisitor& visitor, const std::string& name,
                 std::map<std::string, std::vector<T>>& lists) {
  std::vector<std::string> names;
  for (const auto& [own, list] : lists) names.push_back(own);
  visitor.values(name + " names", names);
  std::map<std::string, std::vector<T>> visited;
  for (const auto& own : names) {
    auto& list = visited[own] = std::move(lists[own]);
    visitor.values(name + "/" + own, list);
  }
  lists = std::move(visited);
}

}  // namespace bitsweep
