// A grid as whole numbers times a scale: what lets products run on integers.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "framework/quant/encoded.h"

namespace bitsweep {

/// value = unit[channel] * integer[code - low_code]; the same integers in every channel.
struct IntegerForm {
  std::vector<std::int32_t> integers;  // ascending, one a code
  std::vector<double> unit;            // one, or one a channel

  std::int32_t least() const { return integers.front(); }
  std::int32_t most() const { return integers.back(); }
  bool is_sign() const { return integers == std::vector<std::int32_t>{-1, 1}; }
  bool is_ternary() const { return integers == std::vector<std::int32_t>{-1, 0, 1}; }
};

/// Uniform grids of one zero point, whole or half, and levels that are whole multiples
/// (up to 255) of the smallest one or of a simple fraction of it, as floats can tell.
/// Nothing for vectors, several code books, and levels of other kinds.
std::optional<IntegerForm> integer_form(const Grid& grid);

}  // namespace bitsweep
