// Numbers of things in sentences.
#pragma once

#include <string>

#include <fmt/format.h>

namespace bitsweep {

/// "1 run", "2 runs", "1.5 epochs".
template <class Number>
std::string counted(Number count, const std::string& noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

}  // namespace bitsweep
