#include "framework/quant/pruning.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "framework/core/error.h"

namespace bitsweep {
namespace {

using Tensors = std::span<const MaskedWeights>;

// |w| of what is there; NaN, which the run will tell of, as large as can be.
float size_of(float w) {
  return std::isnan(w) ? std::numeric_limits<float>::infinity() : std::fabs(w);
}

std::vector<float> present_weights(Tensors tensors) {
  std::vector<float> present;
  for (const auto& [weights, kept] : tensors) {
    for (std::size_t i = 0; i < weights.size(); ++i) {
      if (kept[i] != 0) present.push_back(weights[i]);
    }
  }
  return present;
}

double population_deviation(const std::vector<float>& w) {
  double sum = 0, squares = 0;
  for (const float v : w) sum += double(v);
  const double mean = sum / double(w.size());
  for (const float v : w) squares += (double(v) - mean) * (double(v) - mean);
  return std::sqrt(squares / double(w.size()));
}

template <class Stays>
void keep_where(Tensors tensors, Stays stays) {
  for (const auto& [weights, kept] : tensors) {
    for (std::size_t i = 0; i < weights.size(); ++i) {
      if (kept[i] != 0) kept[i] = float(stays(size_of(weights[i])));
    }
  }
}

// The largest `count`; of those as large as the least of them the first.
void keep_largest(Tensors tensors, std::size_t count) {
  auto sizes = present_weights(tensors);
  if (sizes.size() <= count) return;
  std::transform(sizes.begin(), sizes.end(), sizes.begin(), size_of);
  const auto at = sizes.begin() + std::ptrdiff_t(count) - 1;
  std::nth_element(sizes.begin(), at, sizes.end(), std::greater<>());
  const float least = *at;
  const auto larger =
      std::count_if(sizes.begin(), sizes.end(), [&](float v) { return v > least; });
  std::size_t equal = count - std::size_t(larger);
  keep_where(tensors, [&](float size) {
    if (size != least) return size > least;
    if (equal == 0) return false;
    --equal;
    return true;
  });
}

// ---- Codes ----

// The code of exactly 0 in a channel, where it has one. Not of -0, which codes below zero
// stand for where a channel's scale is 0: all of it is pruned.
struct ZeroCode {
  bool found = false;
  std::int32_t code = 0;
};

ZeroCode zero_code(const Grid& grid, std::size_t channel) {
  const std::int32_t nearest = grid.nearest_code(0, channel);
  const float value = grid.value(nearest, channel);
  if (value != 0 || !std::signbit(value)) return {value == 0, nearest};
  for (std::int32_t code = grid.low_code(); code <= grid.high_code(); ++code) {
    const float other = grid.value(code, channel);
    if (other == 0 && !std::signbit(other)) return {true, code};
  }
  return {};
}

bool has_zeros(const Grid& grid) {
  for (std::size_t c = 0; c < grid.layout().channels; ++c) {
    if (!zero_code(grid, c).found) return false;
  }
  return true;
}

LevelGrid levels_of(const UniformGrid& grid, std::size_t channels) {
  LevelGrid levels{.scale = grid.scale};
  std::map<float, std::uint32_t> books;  // by zero point
  for (const float zero : grid.zero_point) {
    const auto [at, is_new] = books.insert({zero, std::uint32_t(books.size())});
    if (grid.zero_point.size() > 1) levels.book_of.push_back(at->second);
    if (!is_new) continue;
    for (std::int32_t code = grid.low; code <= grid.high; ++code) {
      levels.levels.push_back(float(code) - zero);
    }
  }
  levels.books = books.size();
  if (levels.books == 1 || levels.book_of.size() != channels) levels.book_of.clear();
  return levels;
}

// Every book with one level more, which is 0. `rank`: its place in each.
LevelGrid with_zero(LevelGrid grid, std::vector<std::size_t>& rank) {
  const std::size_t count = grid.level_count();
  std::vector<float> levels;
  for (std::size_t book = 0; book < grid.books; ++book) {
    const auto begin = grid.levels.begin() + std::ptrdiff_t(book * count);
    const auto end = begin + std::ptrdiff_t(count);
    const auto at = std::lower_bound(begin, end, 0.0f);
    rank.push_back(std::size_t(at - begin));
    levels.insert(levels.end(), begin, at);
    levels.push_back(0);
    levels.insert(levels.end(), at, end);
  }
  grid.levels = std::move(levels);
  return grid;
}

// The same values; codes count from the lowest, and 0 is among the levels.
Encoded with_zero_level(const Encoded& encoded) {
  const Grid& old = encoded.grid;
  const ChannelLayout layout = old.layout();
  std::vector<std::size_t> rank;
  LevelGrid levels =
      with_zero(old.levels() != nullptr ? *old.levels()
                                        : levels_of(*old.uniform(), layout.channels),
                rank);
  Encoded result{.codes = encoded.codes,
                 .grid = Grid(levels, layout),
                 .pixel_scales = encoded.pixel_scales};
  for (std::size_t i = 0; i < result.codes.size(); ++i) {
    const std::size_t book =
        levels.book_of.empty() ? 0 : levels.book_of[layout.channel_of(i)];
    std::int32_t& code = result.codes[i];
    code -= old.low_code();
    if (std::size_t(code) >= rank[book]) ++code;
  }
  return result;
}

}  // namespace

void prune(std::span<const MaskedWeights> tensors, const Pruning& pruning) {
  std::size_t all = 0;
  for (const auto& tensor : tensors) all += tensor.weights.size();
  if (pruning.threshold == Pruning::Threshold::kMagnitude) {
    const auto count = std::size_t(std::llround(pruning.amount * double(all)));
    return keep_largest(tensors, std::max<std::size_t>(count, 1));
  }
  const auto present = present_weights(tensors);
  if (present.empty()) return;
  const double largest = double(
      size_of(*std::max_element(present.begin(), present.end(), [](float a, float b) {
        return size_of(a) < size_of(b);
      })));
  const double threshold =
      std::min(pruning.amount * population_deviation(present), largest);
  keep_where(tensors, [threshold](float size) { return double(size) >= threshold; });
}

double cubic_progress(double t) {
  const double left = 1 - std::clamp(t, 0.0, 1.0);
  return 1 - left * left * left;
}

Pruning partial(const Pruning& whole, double progress) {
  const bool is_share = whole.threshold == Pruning::Threshold::kMagnitude;
  return {whole.threshold,
          is_share ? 1 - (1 - whole.amount) * progress : whole.amount * progress};
}

Pruning after_round(const Pruning& whole, int round, int rounds) {
  const double done = double(round) / double(rounds);
  if (whole.threshold == Pruning::Threshold::kDeviation) return partial(whole, done);
  return {whole.threshold, std::pow(whole.amount, done)};
}

Encoded without_pruned(Encoded encoded, std::span<const float> kept) {
  if (encoded.grid.dimension() > 1) {
    throw MethodError(
        "its codes stand for several weights each, which cannot be pruned one by one");
  }
  if (!has_zeros(encoded.grid)) encoded = with_zero_level(encoded);
  const ChannelLayout layout = encoded.grid.layout();
  for (std::size_t i = 0; i < kept.size(); ++i) {
    if (kept[i] != 0) continue;
    encoded.codes[i] = zero_code(encoded.grid, layout.channel_of(i)).code;
  }
  return encoded;
}

std::vector<float> left_of(std::span<const float> w, std::span<const float> kept) {
  std::vector<float> left;
  for (std::size_t i = 0; i < w.size(); ++i) {
    if (kept.empty() || kept[i] != 0) left.push_back(w[i]);
  }
  return left;
}

LeftWeights::LeftWeights(std::size_t groups, std::size_t size)
    : size_(size), counts_(groups, size) {}

void LeftWeights::set_kept(std::span<const float> kept) {
  ensure(kept.size() == size_ * counts_.size(), "a mask has a value for each weight");
  kept_.assign(kept.begin(), kept.end());
  for (std::size_t group = 0; group < counts_.size(); ++group) {
    const auto own = kept.subspan(group * size_, size_);
    counts_[group] = size_ - std::size_t(std::count(own.begin(), own.end(), 0.0f));
  }
}

void LeftWeights::clear(std::span<float> values, std::size_t group) const {
  if (kept_.empty()) return;
  const float* const kept = kept_.data() + group * size_;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (kept[i] == 0) values[i] = 0;
  }
}

}  // namespace bitsweep
