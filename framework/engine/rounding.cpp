#include "framework/engine/rounding.h"

#include <algorithm>

#include <fmt/format.h>

#include "framework/core/error.h"

namespace bitsweep {
namespace {

// The enumerators' order is the names'.
template <class Rule>
Rule named(const char* kind, std::string_view name,
           const std::vector<std::string>& names) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) {
    throw ConfigError(fmt::format("unknown {} '{}'; available: {}", kind, name,
                                  fmt::join(names, ", ")));
  }
  return Rule(found - names.begin());
}

}  // namespace

std::vector<std::string> rounding_names() {
  return {"half_even", "half_away", "half_up", "floor", "stochastic"};
}

Rounding rounding_named(std::string_view name) {
  return named<Rounding>("rounding", name, rounding_names());
}

std::vector<std::string> straight_through_names() {
  return {"identity", "clip1", "range", "polynomial", "swish"};
}

StraightThrough straight_through_named(std::string_view name) {
  return named<StraightThrough>("straight-through rule", name, straight_through_names());
}

}  // namespace bitsweep
