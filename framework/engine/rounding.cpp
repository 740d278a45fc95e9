#include "framework/engine/rounding.h"

#include <algorithm>
#include <cmath>

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

double rounded(double x, Rounding rounding) {
  switch (rounding) {
    case Rounding::kHalfEven:
      return std::nearbyint(x);
    case Rounding::kHalfAway:
      return std::round(x);
    case Rounding::kHalfUp:
      return std::floor(x + 0.5);
    default:
      return std::floor(x);
  }
}

std::vector<std::string> straight_through_names() {
  return {"identity", "clip1", "range", "polynomial", "swish"};
}

StraightThrough straight_through_named(std::string_view name) {
  return named<StraightThrough>("straight-through rule", name, straight_through_names());
}

}  // namespace bitsweep
