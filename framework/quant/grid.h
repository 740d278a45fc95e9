// Where quantized values live: a grid turns codes (small integers) into real numbers.
// Everything after a quantizer knows only these two kinds of grid.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <variant>
#include <vector>

namespace bitsweep {

/// Bits as every method names them; 32 is float.
inline constexpr int kFloatBits = 32;

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
  /// Above 0: these are a product's sums, integers of so many bits. Other grids of the
  /// network imply the scale, and no file stores it.
  int sum_bits = 0;
};

/// Which values one code stands for: `dimension` of them, `stride` apart. The tensor is
/// read as [blocks, dimension, stride], a code for each (block, place in the stride):
/// with dimension 9 and stride `in` the 3 x 3 kernels of weights [out, 3, 3, in].
struct VectorLayout {
  std::size_t dimension = 1;
  std::size_t stride = 1;

  /// The first element of vector `index`; the others follow `stride` apart.
  std::size_t first_element(std::size_t index) const {
    return index / stride * dimension * stride + index % stride;
  }
};

/// Code books. value = scale[channel] * level[code], codes count from 0. Of scalars the
/// levels of a book ascend; of vectors they have no order.
struct LevelGrid {
  /// [books, levels, dimension]; every book has as many levels.
  std::vector<float> levels;
  std::vector<float> scale = {1};  // one, or one a channel
  bool learned = false;  // data, which a file stores; else the method implies it
  std::size_t books = 1;
  /// The book of each channel (as the layout counts channels); empty: all the first.
  std::vector<std::uint32_t> book_of = {};
  VectorLayout vectors = {};

  std::size_t level_count() const { return levels.size() / (books * vectors.dimension); }
  std::span<const float> book(std::size_t channel) const {
    const std::size_t size = levels.size() / books;
    const std::size_t index = book_of.empty() ? 0 : book_of[channel];
    return {levels.data() + index * size, size};
  }
};

/// Either kind, with its channels' layout within the tensor: a group of values that share
/// a scale or a code book is a channel of that layout. Made of what is no grid (no step,
/// levels out of order, NaN) it throws MethodError.
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
  /// ceil(log2(levels)); of sums their own.
  int bits() const;
  /// Number of scales, and of zero points that are not 0: what a file must store beside
  /// the codes (with the code books, where levels are not implied by the method).
  std::size_t scale_count() const;
  /// Scales, one or one a channel.
  const std::vector<float>& scales() const;

  /// Values that one code stands for, and codes of a tensor of `elements` values, which
  /// must divide into whole vectors.
  std::size_t dimension() const { return levels() ? levels()->vectors.dimension : 1; }
  std::size_t code_count(std::size_t elements) const;

  /// The real number of `code` in `channel`; in float arithmetic exactly
  /// scale * (code - zero_point) or scale * level. Of vectors their first value.
  float value(std::int32_t code, std::size_t channel) const;
  /// `values` has `dimension()` values for each code.
  void decode(std::span<const std::int32_t> codes, std::span<float> values) const;

  /// The code whose value is nearest to x (ties go to the even code; NaN to the code
  /// nearest to zero). Of vectors, the least square error; ties go to the smaller code.
  std::int32_t nearest_code(float x, std::size_t channel) const;
  void nearest_codes(std::span<const float> x, std::span<std::int32_t> codes) const;

 private:
  bool has_channels() const {
    return scales().size() > 1 || (levels() != nullptr && !levels()->book_of.empty());
  }
  void decode_vectors(std::span<const std::int32_t> codes, std::span<float> values) const;
  void nearest_vectors(std::span<const float> x, std::span<std::int32_t> codes) const;

  std::variant<UniformGrid, LevelGrid> grid_;
  ChannelLayout layout_;
};

/// The step of a layer's sums of whole numbers, one for each of its `filters`: scale of
/// the inputs times scale of the weights, rounded once. Empty where there is none: of
/// levels, of zero points that are not whole, of inputs or filters with several scales.
std::vector<float> product_scales(const Grid& inputs, const Grid& weights,
                                  std::size_t filters);

/// The width of a layer's sums of whole numbers, as TensorFlow Lite has it: 64 of inputs of
/// more than 8 bits (16x8), else 32.
int product_bits(const Grid& inputs);

}  // namespace bitsweep
