#include "framework/quant/grid.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "framework/core/error.h"
#include "framework/quant/uniform.h"

namespace bitsweep {
namespace {

float of_channel(const std::vector<float>& values, std::size_t channel) {
  return values.size() == 1 ? values.front() : values[channel];
}

UniformQuantization quantization_of(const UniformGrid& grid, std::size_t channel) {
  return {.scale = of_channel(grid.scale, channel),
          .zero_point = of_channel(grid.zero_point, channel),
          .low = float(grid.low),
          .high = float(grid.high)};
}

// Calls `body(begin, end, channel)` for each stretch of one scale within `size` elements.
template <class Body>
void for_each_stretch(std::size_t size, std::size_t scales, ChannelLayout layout,
                      Body body) {
  if (scales == 1) return body(std::size_t{0}, size, std::size_t{0});
  for (std::size_t begin = 0; begin < size; begin += layout.inner) {
    body(begin, std::min(size, begin + layout.inner), layout.channel_of(begin));
  }
}

// Between two neighbouring levels the nearer one, the even code of a tie.
std::int32_t nearest_level(const LevelGrid& grid, float x, float scale) {
  const auto& levels = grid.levels;
  if (std::isnan(x)) x = 0;
  const auto above =
      std::lower_bound(levels.begin(), levels.end(), x,
                       [scale](float l, float v) { return scale * l < v; });
  if (above == levels.begin()) return 0;
  const auto upper = std::int32_t(above - levels.begin());
  if (above == levels.end()) return upper - 1;
  const double up = double(scale * *above) - double(x);
  const double down = double(x) - double(scale * *(above - 1));
  if (up == down) return upper % 2 == 0 ? upper : upper - 1;
  return up < down ? upper : upper - 1;
}

[[noreturn]] void refuse(const std::string& why) { throw MethodError("its grid " + why); }

void check_scales(const std::vector<float>& scales, ChannelLayout layout, bool divides) {
  if (scales.size() != 1 && scales.size() != layout.channels) {
    refuse(fmt::format("has {} scales for {} channels; expected one, or one a channel",
                       scales.size(), layout.channels));
  }
  for (const float scale : scales) {
    if (std::isfinite(scale) && (divides ? scale > 0 : scale >= 0)) continue;
    refuse(fmt::format(
        "has a scale of {}; expected a finite one {}", scale,
        divides ? "above 0, for codes are found by dividing" : "that is not negative"));
  }
}

void check_levels(const std::vector<float>& levels) {
  if (levels.empty()) refuse("has no levels");
  for (std::size_t i = 0; i < levels.size(); ++i) {
    if (!std::isfinite(levels[i])) refuse(fmt::format("has a level of {}", levels[i]));
    if (i == 0 || levels[i - 1] <= levels[i]) continue;
    refuse(fmt::format("has a level of {} behind one of {}; expected them to ascend",
                       levels[i], levels[i - 1]));
  }
}

}  // namespace

Grid::Grid(UniformGrid grid, ChannelLayout layout)
    : grid_(std::move(grid)), layout_(layout) {
  const auto& g = std::get<UniformGrid>(grid_);
  if (g.low > g.high) {
    refuse(fmt::format("has codes from {} to {}; expected at least one", g.low, g.high));
  }
  if (g.zero_point.size() != g.scale.size()) {
    refuse(fmt::format("has {} scales and {} zero points; expected as many",
                       g.scale.size(), g.zero_point.size()));
  }
  check_scales(g.scale, layout, true);
}

Grid::Grid(LevelGrid grid, ChannelLayout layout)
    : grid_(std::move(grid)), layout_(layout) {
  const auto& g = std::get<LevelGrid>(grid_);
  check_levels(g.levels);
  check_scales(g.scale, layout, false);
}

std::int32_t Grid::low_code() const { return uniform() ? uniform()->low : 0; }

std::int32_t Grid::high_code() const {
  return uniform() ? uniform()->high : std::int32_t(levels()->levels.size()) - 1;
}

std::size_t Grid::level_count() const {
  return std::size_t(std::int64_t(high_code()) - low_code() + 1);
}

int Grid::bits() const {
  int bits = 0;
  while ((std::size_t{1} << bits) < level_count()) ++bits;
  return bits;
}

std::size_t Grid::scale_count() const {
  if (levels()) return levels()->scale.size();
  const auto& zeros = uniform()->zero_point;
  const auto nonzero =
      std::count_if(zeros.begin(), zeros.end(), [](float zero) { return zero != 0; });
  return uniform()->scale.size() + std::size_t(nonzero);
}

float Grid::value(std::int32_t code, std::size_t channel) const {
  if (const auto* grid = uniform()) {
    return of_channel(grid->scale, channel) *
           (float(code) - of_channel(grid->zero_point, channel));
  }
  return of_channel(levels()->scale, channel) * levels()->levels[std::size_t(code)];
}

void Grid::decode(std::span<const std::int32_t> codes, std::span<float> values) const {
  const std::size_t scales = uniform() ? uniform()->scale.size() : levels()->scale.size();
  for_each_stretch(codes.size(), scales, layout_,
                   [&](std::size_t begin, std::size_t end, std::size_t channel) {
                     for (std::size_t i = begin; i < end; ++i)
                       values[i] = value(codes[i], channel);
                   });
}

std::int32_t Grid::nearest_code(float x, std::size_t channel) const {
  std::int32_t code = 0;
  if (uniform()) {
    encode_uniform({&x, 1}, {&code, 1}, quantization_of(*uniform(), channel),
                   Rounding::kHalfEven);
  } else {
    code = nearest_level(*levels(), x, of_channel(levels()->scale, channel));
  }
  return code;
}

void Grid::nearest_codes(std::span<const float> x, std::span<std::int32_t> codes) const {
  const std::size_t scales = uniform() ? uniform()->scale.size() : levels()->scale.size();
  for_each_stretch(x.size(), scales, layout_,
                   [&](std::size_t begin, std::size_t end, std::size_t channel) {
                     if (uniform()) {
                       return encode_uniform(x.subspan(begin, end - begin),
                                             codes.subspan(begin, end - begin),
                                             quantization_of(*uniform(), channel),
                                             Rounding::kHalfEven);
                     }
                     const float scale = of_channel(levels()->scale, channel);
                     for (std::size_t i = begin; i < end; ++i) {
                       codes[i] = nearest_level(*levels(), x[i], scale);
                     }
                   });
}

}  // namespace bitsweep
