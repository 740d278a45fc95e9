#include "framework/quant/rounding.h"

#include <algorithm>
#include <iterator>

#include "framework/core/error.h"

namespace bitsweep {
namespace {

// In the order of the enumerations.
constexpr const char* kRoundings[] = {"half_even", "half_away", "half_up", "floor",
                                      "stochastic"};
constexpr const char* kStraightThroughs[] = {"identity", "clip1",      "clip01", "clip0a",
                                             "range",    "polynomial", "swish"};

template <class Kind, std::size_t count>
Kind named(const char* const (&names)[count], std::string_view name) {
  const auto found = std::find(std::begin(names), std::end(names), name);
  ensure(found != std::end(names), "a schema let only known names through");
  return Kind(found - std::begin(names));
}

}  // namespace

std::vector<std::string> rounding_names() {
  return {std::begin(kRoundings), std::end(kRoundings)};
}
Rounding rounding_named(std::string_view name) {
  return named<Rounding>(kRoundings, name);
}

std::vector<std::string> straight_through_names() {
  return {std::begin(kStraightThroughs), std::end(kStraightThroughs)};
}
StraightThrough straight_through_named(std::string_view name) {
  return named<StraightThrough>(kStraightThroughs, name);
}

}  // namespace bitsweep
