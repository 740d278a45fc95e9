// The mistakes of a configuration, gathered: the user sees all of them at once.
#pragma once

#include <string>
#include <unordered_set>
#include <vector>

#include "framework/config/node.h"

namespace bitsweep {

class Problems {
 public:
  void add(const Place& place, const std::string& path, const std::string& sentence);
  void add(const Node& node, const std::string& sentence) {
    add(node.place, node.path, sentence);
  }

  /// What is no mistake, but should be said.
  void note(const Node& node, const std::string& sentence);
  const std::vector<std::string>& notes() const { return notes_; }

  bool empty() const { return found_.empty(); }

  /// How often a mistake was added; rows that share one add it once each.
  std::size_t added() const { return added_; }

  /// Throws ConfigError with a line "file:line: path: sentence" for each, in the order of
  /// the files' names and lines, the first hundred; nothing happens when there is none.
  void throw_if_any() const;

 private:
  struct Problem {
    Place place;
    std::string text;
  };
  std::vector<Problem> found_;
  std::vector<std::string> notes_;
  std::size_t added_ = 0;
  std::unordered_set<std::string> texts_;
};

}  // namespace bitsweep
