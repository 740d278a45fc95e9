// Where quantized values live: a grid turns codes (small integers) into real numbers.
// Everything after a quantizer knows only these two kinds of grid.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <variant>
#include <vector>

namespace bitsweep {

/// Which channel an element of a tensor belongs to: (index / inner) % channels. Weights
/// (output channels first): inner is the size of one filter. NHWC activations: inner
/// is 1.
struct ChannelLayout {
  std::size_t channels = 1;
  std::size_t inner = 1;

  std::size_t channel_of(std::size_t index) const { return (index / inner) % channels; }
};

/// value = scale[channel] * (code - zero_point[channel]), low <= code <= high.
/// A zero point may be a half: DoReFa's weight grid has no zero.
struct UniformGrid {
  std::int32_t low = 0;
  std::int32_t high = 0;
  std::vector<float> scale = {1};       // one, or one a channel
  std::vector<float> zero_point = {0};  // as many as scales
};

/// value = scale[channel] * level[code]; levels ascend, codes count from 0.
struct LevelGrid {
  std::vector<float> levels;
  std::vector<float> scale = {1};  // one, or one a channel
  bool learned = false;  // data, which a file stores; else the method implies it
};

/// Either kind, with its channels' layout within the tensor. Made of what is no grid (no
/// step, levels out of order, NaN) it throws MethodError.
class Grid {
 public:
  Grid(UniformGrid grid, ChannelLayout layout = {});
  Grid(LevelGrid grid, ChannelLayout layout = {});

  const UniformGrid* uniform() const { return std::get_if<UniformGrid>(&grid_); }
  const LevelGrid* levels() const { return std::get_if<LevelGrid>(&grid_); }
  ChannelLayout layout() const { return layout_; }

  std::int32_t low_code() const;
  std::int32_t high_code() const;
  std::size_t level_count() const;
  /// The narrowest width in which every code has a pattern of its own:
  /// ceil(log2(levels)).
  int bits() const;
  /// Number of scales, and of zero points that are not 0: what a file must store beside
  /// the codes (with the level table, where levels are not implied by the method).
  std::size_t scale_count() const;

  /// The real number of `code` in `channel`; in float arithmetic exactly
  /// scale * (code - zero_point) or scale * level.
  float value(std::int32_t code, std::size_t channel) const;
  void decode(std::span<const std::int32_t> codes, std::span<float> values) const;

  /// The code whose value is nearest to x (ties go to the even code; NaN to the code
  /// nearest to zero).
  std::int32_t nearest_code(float x, std::size_t channel) const;
  void nearest_codes(std::span<const float> x, std::span<std::int32_t> codes) const;

 private:
  std::variant<UniformGrid, LevelGrid> grid_;
  ChannelLayout layout_;
};

}  // namespace bitsweep
