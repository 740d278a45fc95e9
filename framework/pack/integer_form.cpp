#include "framework/pack/integer_form.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace bitsweep {
namespace {

constexpr std::size_t kMostCodes = 256;
constexpr std::int32_t kMostInteger = 255;
// A level's own rounding to float, and that of the unit.
constexpr double kTolerance = 2e-7;

std::vector<double> units_of(const Grid& grid, double factor) {
  std::vector<double> units;
  for (const float scale : grid.scales()) units.push_back(double(scale) * factor);
  return units;
}

std::optional<IntegerForm> uniform_form(const Grid& grid) {
  const UniformGrid& uniform = *grid.uniform();
  const float zero = uniform.zero_point.front();
  const auto is_first = [zero](float z) { return z == zero; };
  if (!std::all_of(uniform.zero_point.begin(), uniform.zero_point.end(), is_first)) {
    return std::nullopt;
  }
  constexpr float kFarthest = 1 << 24;  // whole floats; their integers fit 32 bits
  if (std::fabs(zero) > kFarthest) return std::nullopt;
  const int parts = zero == std::rint(zero) ? 1 : 2;
  if (zero * float(parts) != std::rint(zero * float(parts))) return std::nullopt;
  IntegerForm form{.unit = units_of(grid, 1.0 / parts)};
  for (std::int32_t code = grid.low_code(); code <= grid.high_code(); ++code) {
    form.integers.push_back(parts * code - std::int32_t(zero * float(parts)));
  }
  return form;
}

// Every level as a multiple of `unit`, or nothing.
std::optional<std::vector<std::int32_t>> multiples(std::span<const float> levels,
                                                   double unit) {
  std::vector<std::int32_t> integers;
  for (const float level : levels) {
    const double multiple = std::rint(level / unit);
    const double apart = std::fabs(multiple * unit - level);
    if (std::fabs(multiple) > kMostInteger) return std::nullopt;
    if (apart > kTolerance * std::fabs(level)) return std::nullopt;
    integers.push_back(std::int32_t(multiple));
  }
  return integers;
}

std::optional<IntegerForm> level_form(const Grid& grid) {
  const LevelGrid& levels = *grid.levels();
  if (levels.books > 1 || levels.vectors.dimension > 1) return std::nullopt;
  double least = std::numeric_limits<double>::infinity();
  for (const float level : levels.levels) {
    if (level != 0) least = std::min(least, double(std::fabs(level)));
  }
  if (!std::isfinite(least)) least = 1;
  for (int parts = 1; parts <= 8; ++parts) {
    const auto integers = multiples(levels.levels, least / parts);
    if (integers) return IntegerForm{*integers, units_of(grid, least / parts)};
  }
  return std::nullopt;
}

}  // namespace

std::optional<IntegerForm> integer_form(const Grid& grid) {
  if (grid.level_count() > kMostCodes) return std::nullopt;
  return grid.uniform() != nullptr ? uniform_form(grid) : level_form(grid);
}

}  // namespace bitsweep
