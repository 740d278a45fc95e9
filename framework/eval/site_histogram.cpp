#include "framework/eval/site_histogram.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "framework/quant/encoded.h"

namespace bitsweep {
namespace {

constexpr std::size_t kBins = 60;
constexpr std::size_t kMostLevels = 64;  // more are a band, no lines

// A value as the picture shows it: over its channel's scale where there are many.
class Unit {
 public:
  explicit Unit(const Grid& grid) : grid_(grid), in_steps_(grid.scales().size() > 1) {}

  bool in_steps() const { return in_steps_; }
  double of(float value, std::size_t index) const {
    if (!in_steps_) return value;
    const std::size_t channel = grid_.layout().channel_of(index);
    const double scale = grid_.scales()[channel];
    const double zero_point =
        grid_.uniform() != nullptr ? grid_.uniform()->zero_point[channel] : 0;
    return scale == 0 ? 0 : double(value) / scale + zero_point;
  }

 private:
  const Grid& grid_;
  bool in_steps_;
};

struct Extent {
  double low, high;
};

Extent reach_of(std::span<const double> values) {
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  double sum = 0, squares = 0;
  for (const double value : values) sum += value;
  const double mean = sum / double(values.size());
  for (const double value : values) squares += (value - mean) * (value - mean);
  const double room = 5 * std::sqrt(squares / double(values.size()));
  return {std::max(*least, mean - room), std::min(*most, mean + room)};
}

// Ascending; none of vectors, of a book for each channel, or of more than can be drawn.
std::vector<double> levels_of(const Grid& grid, bool in_steps) {
  const bool is_single = grid.levels() == nullptr || grid.levels()->books == 1;
  if (grid.dimension() > 1 || !is_single || grid.level_count() > kMostLevels) return {};
  std::vector<double> levels;
  for (std::int32_t code = grid.low_code(); code <= grid.high_code(); ++code) {
    const LevelGrid* books = grid.levels();
    levels.push_back(!in_steps          ? double(grid.value(code, 0))
                     : books == nullptr ? double(code)
                                        : double(books->levels[std::size_t(code)]));
  }
  return levels;
}

Extent ends_of(const Grid& grid, bool in_steps) {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  if (grid.dimension() > 1) return {kNone, kNone};
  if (const LevelGrid* books = grid.levels()) {
    const auto [low, high] =
        std::minmax_element(books->levels.begin(), books->levels.end());
    const double scale = in_steps ? 1 : double(books->scale.front());
    return {*low * scale, *high * scale};
  }
  if (in_steps) return {double(grid.low_code()), double(grid.high_code())};
  return {double(grid.value(grid.low_code(), 0)),
          double(grid.value(grid.high_code(), 0))};
}

}  // namespace

SiteHistogram site_histogram(std::string site, const Grid& grid, std::span<const float> u,
                             std::span<const std::int32_t> codes) {
  const Unit unit(grid);
  std::vector<double> values(u.size());
  for (std::size_t i = 0; i < u.size(); ++i) values[i] = unit.of(u[i], i);
  SiteHistogram result{.site = std::move(site), .in_steps = unit.in_steps()};
  const Extent ends = ends_of(grid, unit.in_steps());
  result.grid_low = ends.low;
  result.grid_high = ends.high;
  const Extent reach = reach_of(values);
  result.low = reach.low;
  result.high = reach.high > reach.low ? reach.high : reach.low + 1;
  result.counts.resize(kBins);
  for (const double value : values) {
    const double place = (value - result.low) / (result.high - result.low) * kBins;
    ++result.counts[std::size_t(std::clamp(place, 0.0, double(kBins - 1)))];
  }
  result.levels = levels_of(grid, unit.in_steps());
  if (result.levels.empty()) return result;
  for (const std::int64_t count : code_counts(codes, grid)) {
    result.level_shares.push_back(double(count) / double(codes.size()));
  }
  return result;
}

}  // namespace bitsweep
