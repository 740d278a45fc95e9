#include "framework/quant/grid.h"

#include <algorithm>
#include <cmath>
#include <limits>
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

// Calls `body(begin, end, channel)` for each stretch of one scale and code book within
// `size` elements.
template <class Body>
void for_each_stretch(std::size_t size, bool by_channel, ChannelLayout layout,
                      Body body) {
  if (!by_channel) return body(std::size_t{0}, size, std::size_t{0});
  for (std::size_t begin = 0; begin < size; begin += layout.inner) {
    body(begin, std::min(size, begin + layout.inner), layout.channel_of(begin));
  }
}

// Between two neighbouring levels the nearer one, the even code of a tie.
std::int32_t nearest_level(std::span<const float> levels, float x, float scale) {
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

// The code of least square error for the vector that begins at x.
std::int32_t nearest_vector(std::span<const float> levels, VectorLayout layout,
                            const float* x, float scale) {
  std::int32_t nearest = 0;
  double least = std::numeric_limits<double>::infinity();
  const std::size_t count = levels.size() / layout.dimension;
  for (std::size_t code = 0; code < count; ++code) {
    double error = 0;
    for (std::size_t j = 0; j < layout.dimension; ++j) {
      const float v = x[j * layout.stride];
      const double apart = double(std::isnan(v) ? 0.0f : v) -
                           double(scale * levels[code * layout.dimension + j]);
      error += apart * apart;
    }
    if (error < least) {
      least = error;
      nearest = std::int32_t(code);
    }
  }
  return nearest;
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

void check_books(const LevelGrid& grid, ChannelLayout layout) {
  const auto& [dimension, stride] = grid.vectors;
  if (dimension == 0 || stride == 0) refuse("has vectors of no values");
  if (grid.books == 0 || grid.levels.size() % (grid.books * dimension) != 0) {
    refuse(fmt::format("has {} values for {} code books of vectors of {}",
                       grid.levels.size(), grid.books, dimension));
  }
  if (grid.book_of.empty()) return;
  if (grid.book_of.size() != layout.channels) {
    refuse(fmt::format("names the code book of {} channels; expected {}",
                       grid.book_of.size(), layout.channels));
  }
  const auto last = *std::max_element(grid.book_of.begin(), grid.book_of.end());
  if (last >= grid.books) {
    refuse(fmt::format("names code book {} of {}", last + 1, grid.books));
  }
}

void check_levels(const LevelGrid& grid) {
  const auto& levels = grid.levels;
  if (levels.empty()) refuse("has no levels");
  for (std::size_t i = 0; i < levels.size(); ++i) {
    if (!std::isfinite(levels[i])) refuse(fmt::format("has a level of {}", levels[i]));
    const bool begins_book = i % grid.level_count() == 0;
    if (grid.vectors.dimension > 1 || begins_book || levels[i - 1] <= levels[i]) continue;
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
  check_books(g, layout);
  check_levels(g);
  check_scales(g.scale, layout, false);
}

std::int32_t Grid::low_code() const { return uniform() ? uniform()->low : 0; }

std::int32_t Grid::high_code() const {
  return uniform() ? uniform()->high : std::int32_t(levels()->level_count()) - 1;
}

std::size_t Grid::level_count() const {
  return std::size_t(std::int64_t(high_code()) - low_code() + 1);
}

int Grid::bits() const {
  if (uniform() && uniform()->sum_bits > 0) return uniform()->sum_bits;
  int bits = 0;
  while ((std::size_t{1} << bits) < level_count()) ++bits;
  return bits;
}

const std::vector<float>& Grid::scales() const {
  return uniform() ? uniform()->scale : levels()->scale;
}

std::size_t Grid::scale_count() const {
  if (levels()) return levels()->scale.size();
  if (uniform()->sum_bits > 0) return 0;
  const auto& zeros = uniform()->zero_point;
  const auto nonzero =
      std::count_if(zeros.begin(), zeros.end(), [](float zero) { return zero != 0; });
  return uniform()->scale.size() + std::size_t(nonzero);
}

std::size_t Grid::code_count(std::size_t elements) const {
  if (elements % dimension() != 0) {
    refuse(fmt::format("has vectors of {} values, which do not divide {} values",
                       dimension(), elements));
  }
  return elements / dimension();
}

float Grid::value(std::int32_t code, std::size_t channel) const {
  const float scale = of_channel(scales(), channel);
  if (const auto* grid = uniform()) {
    return scale * (float(code) - of_channel(grid->zero_point, channel));
  }
  return scale * levels()->book(channel)[std::size_t(code) * dimension()];
}

void Grid::decode(std::span<const std::int32_t> codes, std::span<float> values) const {
  if (dimension() > 1) return decode_vectors(codes, values);
  for_each_stretch(codes.size(), has_channels(), layout_,
                   [&](std::size_t begin, std::size_t end, std::size_t channel) {
                     for (std::size_t i = begin; i < end; ++i)
                       values[i] = value(codes[i], channel);
                   });
}

void Grid::decode_vectors(std::span<const std::int32_t> codes,
                          std::span<float> values) const {
  const VectorLayout vectors = levels()->vectors;
  for (std::size_t index = 0; index < codes.size(); ++index) {
    const std::size_t first = vectors.first_element(index);
    const std::size_t channel = layout_.channel_of(first);
    const float scale = of_channel(scales(), channel);
    const auto level = levels()->book(channel).subspan(
        std::size_t(codes[index]) * vectors.dimension, vectors.dimension);
    for (std::size_t j = 0; j < vectors.dimension; ++j) {
      values[first + j * vectors.stride] = scale * level[j];
    }
  }
}

std::int32_t Grid::nearest_code(float x, std::size_t channel) const {
  std::int32_t code = 0;
  if (uniform()) {
    encode_uniform({&x, 1}, {&code, 1}, quantization_of(*uniform(), channel),
                   Rounding::kHalfEven);
  } else {
    code =
        nearest_level(levels()->book(channel), x, of_channel(levels()->scale, channel));
  }
  return code;
}

void Grid::nearest_codes(std::span<const float> x, std::span<std::int32_t> codes) const {
  if (dimension() > 1) return nearest_vectors(x, codes);
  for_each_stretch(x.size(), has_channels(), layout_,
                   [&](std::size_t begin, std::size_t end, std::size_t channel) {
                     if (uniform()) {
                       return encode_uniform(x.subspan(begin, end - begin),
                                             codes.subspan(begin, end - begin),
                                             quantization_of(*uniform(), channel),
                                             Rounding::kHalfEven);
                     }
                     const auto book = levels()->book(channel);
                     const float scale = of_channel(levels()->scale, channel);
                     for (std::size_t i = begin; i < end; ++i) {
                       codes[i] = nearest_level(book, x[i], scale);
                     }
                   });
}

void Grid::nearest_vectors(std::span<const float> x,
                           std::span<std::int32_t> codes) const {
  const VectorLayout vectors = levels()->vectors;
  for (std::size_t index = 0; index < codes.size(); ++index) {
    const std::size_t first = vectors.first_element(index);
    const std::size_t channel = layout_.channel_of(first);
    codes[index] = nearest_vector(levels()->book(channel), vectors, x.data() + first,
                                  of_channel(scales(), channel));
  }
}

std::vector<float> product_scales(const Grid& inputs, const Grid& weights,
                                  std::size_t filters) {
  const auto is_whole = [](const Grid& grid) {
    if (grid.uniform() == nullptr) return false;
    const auto& zeros = grid.uniform()->zero_point;
    return std::all_of(zeros.begin(), zeros.end(),
                       [](float zero) { return zero == std::rint(zero); });
  };
  const auto& own = weights.scales();
  if (!is_whole(inputs) || !is_whole(weights) || inputs.scales().size() != 1 ||
      (own.size() != 1 && own.size() != filters)) {
    return {};
  }
  std::vector<float> scales(filters);
  for (std::size_t f = 0; f < filters; ++f) {
    scales[f] = float(double(inputs.scales().front()) * own[own.size() == 1 ? 0 : f]);
  }
  return scales;
}

int product_bits(const Grid& inputs) {
  constexpr std::size_t kByteCodes = 256;
  return inputs.level_count() > kByteCodes ? 64 : 32;
}

}  // namespace bitsweep
