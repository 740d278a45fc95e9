// Rows chosen by an expression: `method == lsq && weight_bits <= 3`.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "framework/config/run_spec.h"

namespace bitsweep {

/// Comparisons (== != < <= > >=) of a name with a value, joined by && and ||, with ! and
/// parentheses. Names are those of a row (label, group, method, network, dataset, seed),
/// the parameters of its method, and every key of the run by its path
/// (fine_tuning.epochs). Two numbers are compared as numbers, all else as text. What a
/// row does not have is neither equal nor unequal to anything.
class RowFilter {
 public:
  /// Throws ConfigError with a sentence when `expression` is none.
  explicit RowFilter(const std::string& expression);

  bool matches(const RowSpec& row, const RunSpec& run) const;

  /// Throws ConfigError when a name is known to no row, or no row matches.
  void check(const StudySpec& study) const;

 private:
  using Values = std::map<std::string, std::string>;
  using Condition = std::function<bool(const Values&)>;
  class Parser;

  static Values values_of(const RowSpec& row, const RunSpec& run);

  std::string text_;
  Condition condition_;
  std::vector<std::string> names_;
};

}  // namespace bitsweep
