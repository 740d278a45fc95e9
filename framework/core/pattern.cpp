#include "framework/core/pattern.h"

namespace bitsweep {

bool matches_pattern(std::string_view pattern, std::string_view name) {
  if (pattern.empty()) return name.empty();
  if (pattern.front() != '*') {
    return !name.empty() && pattern.front() == name.front() &&
           matches_pattern(pattern.substr(1), name.substr(1));
  }
  return matches_pattern(pattern.substr(1), name) ||
         (!name.empty() && matches_pattern(pattern, name.substr(1)));
}

}  // namespace bitsweep
