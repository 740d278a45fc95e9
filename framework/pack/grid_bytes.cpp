#include "framework/pack/grid_bytes.h"

#include <algorithm>
#include <array>
#include <limits>

#include <fmt/format.h>

#include "framework/core/error.h"
#include "framework/pack/bit_stream.h"

namespace bitsweep {
namespace {

constexpr std::int64_t kFarthestCode = std::int64_t{1} << 24;  // floats are exact to here
constexpr std::uint64_t kMostLevels = 65536;

// The first byte of a grid.
constexpr std::uint8_t kIsLevels = 1;
constexpr std::uint8_t kHasZeroPoints = 2;
constexpr std::uint8_t kHasChannels = 4;
constexpr std::uint8_t kIsLearned = 8;
constexpr std::uint8_t kHasBooks = 16;  // several, or vectors
constexpr std::uint8_t kHasBookOf = 32;
constexpr std::uint8_t kGridFlags = 63;

bool all_zero(const std::vector<float>& values) {
  return std::all_of(values.begin(), values.end(), [](float v) { return v == 0; });
}

std::uint8_t flags_of(const Grid& grid) {
  const auto layout = grid.layout();
  std::uint8_t flags = 0;
  if (layout.channels > 1 || layout.inner > 1) flags |= kHasChannels;
  if (const auto* uniform = grid.uniform()) {
    if (!all_zero(uniform->zero_point)) flags |= kHasZeroPoints;
    return flags;
  }
  const LevelGrid& levels = *grid.levels();
  flags |= kIsLevels;
  if (levels.learned) flags |= kIsLearned;
  if (levels.books > 1 || levels.vectors.dimension > 1) flags |= kHasBooks;
  if (!levels.book_of.empty()) flags |= kHasBookOf;
  return flags;
}

void write_levels(const LevelGrid& levels, std::uint8_t flags, ByteWriter& out,
                  PurposeBits& bits) {
  out.unsigned_number(levels.level_count());
  if ((flags & kHasBooks) != 0) {
    out.unsigned_number(levels.books);
    out.unsigned_number(levels.vectors.dimension);
    out.unsigned_number(levels.vectors.stride);
  }
  out.floats(levels.levels);
  bits.books += kFloatBits * levels.levels.size();
  if ((flags & kHasBookOf) == 0) return;
  const auto packed = pack_codes(levels.book_of, code_width(levels.books));
  out.raw(packed);
  bits.books += 8 * packed.size();
}

ChannelLayout read_layout(ByteReader& in, std::size_t elements) {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 32;
  constexpr std::uint64_t kMostChannels = 65536;  // of values before a layer
  ChannelLayout layout;
  layout.channels = in.unsigned_number(elements == 0 ? kMostChannels : kMost,
                                       "the number of channels of a grid");
  layout.inner = in.unsigned_number(kMost, "the size of a grid's channels");
  const bool divides =
      layout.channels > 0 && layout.inner > 0 &&
      (elements == 0 || (layout.channels <= elements && elements % layout.inner == 0));
  if (!divides) throw DataError("a grid's channels do not divide its tensor");
  return layout;
}

std::vector<float> read_scales(ByteReader& in, std::size_t channels) {
  const bool single = in.byte() == 0;
  return in.floats(single ? 1 : channels);
}

Grid read_uniform(ByteReader& in, std::uint8_t flags, ChannelLayout layout) {
  UniformGrid grid;
  grid.low = std::int32_t(
      in.signed_number(-kFarthestCode, kFarthestCode, "the lowest code of a grid"));
  grid.high = grid.low + std::int32_t(in.unsigned_number(kMostLevels - 1,
                                                         "the number of a grid's codes"));
  grid.scale = read_scales(in, layout.channels);
  grid.zero_point.assign(grid.scale.size(), 0);
  if ((flags & kHasZeroPoints) != 0) grid.zero_point = in.floats(grid.scale.size());
  return {std::move(grid), layout};
}

Grid read_levels(ByteReader& in, std::uint8_t flags, ChannelLayout layout) {
  LevelGrid grid{.learned = (flags & kIsLearned) != 0};
  const auto count = in.unsigned_number(kMostLevels, "the number of a grid's levels");
  if ((flags & kHasBooks) != 0) {
    grid.books = in.unsigned_number(kMostLevels, "the number of code books");
    grid.vectors.dimension = in.unsigned_number(kMostLevels, "the length of a level");
    grid.vectors.stride =
        in.unsigned_number(std::uint64_t{1} << 32, "the stride of a level");
  }
  grid.levels = in.floats(count * grid.books * grid.vectors.dimension);
  if ((flags & kHasBookOf) != 0) {
    const int width = code_width(grid.books);
    grid.book_of.resize(layout.channels);
    unpack_codes(in.raw((layout.channels * std::size_t(width) + 7) / 8), width,
                 grid.book_of);
  }
  grid.scale = read_scales(in, layout.channels);
  return {std::move(grid), layout};
}

}  // namespace

void write_grid(const Grid& grid, ByteWriter& out, PurposeBits& bits) {
  const std::size_t begin = out.size();
  const PurposeBits before = bits;
  const std::uint8_t flags = flags_of(grid);
  out.byte(flags);
  if ((flags & kHasChannels) != 0) {
    out.unsigned_number(grid.layout().channels);
    out.unsigned_number(grid.layout().inner);
  }
  if (const auto* uniform = grid.uniform()) {
    out.signed_number(uniform->low);
    out.unsigned_number(std::uint64_t(std::int64_t(uniform->high) - uniform->low));
  } else {
    write_levels(*grid.levels(), flags, out, bits);
  }
  out.byte(grid.scales().size() == 1 ? 0 : 1);
  out.floats(grid.scales());
  bits.scales += kFloatBits * grid.scales().size();
  if ((flags & kHasZeroPoints) != 0) {
    out.floats(grid.uniform()->zero_point);
    bits.scales += kFloatBits * grid.uniform()->zero_point.size();
  }
  const std::uint64_t told = bits.total() - before.total();
  bits.rest += 8 * (out.size() - begin) - told;
}

Grid read_grid(ByteReader& in, std::size_t elements) {
  const std::uint8_t flags = in.byte();
  if ((flags & ~kGridFlags) != 0) throw DataError("a grid is of an unknown kind");
  ChannelLayout layout;
  if ((flags & kHasChannels) != 0) layout = read_layout(in, elements);
  try {
    const Grid grid = (flags & kIsLevels) != 0 ? read_levels(in, flags, layout)
                                               : read_uniform(in, flags, layout);
    const bool is_one = grid.scales().size() == 1 && grid.dimension() == 1 &&
                        (grid.levels() == nullptr || grid.levels()->books == 1);
    if (elements == 0 && !is_one) {
      throw DataError("a grid of values before a layer differs by channel");
    }
    return grid;
  } catch (const MethodError& error) {
    throw DataError(fmt::format("a grid is none: {}", error.what()));
  }
}

namespace {

constexpr std::uint8_t kIsSymmetric = 1, kIsHalfRange = 2;
constexpr int kOrderShift = 2;
constexpr std::int32_t kFarthestCentre = 1 << 16;

void write_affine(const AffineCodes& affine, ByteWriter& out, PurposeBits& bits) {
  const std::size_t begin = out.size();
  out.byte(std::uint8_t((affine.symmetric ? kIsSymmetric : 0) |
                        (affine.half_range ? kIsHalfRange : 0) |
                        int(affine.order) << kOrderShift));
  out.signed_number(affine.centre);
  out.floats(std::array{affine.least_scale});
  bits.rest += 8 * (out.size() - begin);
}

AffineCodes read_affine(ByteReader& in, const UniformGrid& grid, Rounding rounding) {
  const std::uint8_t byte = in.byte();
  const int order = byte >> kOrderShift;
  AffineCodes affine{.low = grid.low, .high = grid.high};
  affine.symmetric = (byte & kIsSymmetric) != 0;
  affine.half_range = (byte & kIsHalfRange) != 0;
  affine.centre = std::int32_t(
      in.signed_number(-kFarthestCentre, kFarthestCentre, "the centre of codes"));
  affine.least_scale = in.floats(1).front();
  affine.rounding = rounding;
  affine.order = CodeOrder(order);
  if (order > int(CodeOrder::kPytorch) || affine.least_scale < 0 ||
      affine.centre < grid.low || affine.centre >= grid.high ||
      rounding == Rounding::kFloor) {
    throw DataError("a rule of each image's codes is unknown");
  }
  return affine;
}

}  // namespace

namespace {

// Bit 6 of a rule's byte.
bool has_order(const CodeRule& rule) {
  return rule.kind == CodeRule::Kind::kUniform && rule.order != CodeOrder::kTensorflow;
}

}  // namespace

int version_of(const CodeRule& rule) {
  if (has_order(rule)) return 3;
  return rule.kind == CodeRule::Kind::kOfBatch ? 2 : 1;
}

void write_rule(const CodeRule& rule, ByteWriter& out, PurposeBits& bits) {
  const bool of_batch = rule.kind == CodeRule::Kind::kOfBatch;
  const auto kind = of_batch ? CodeRule::Kind::kOfImage : rule.kind;
  out.byte(std::uint8_t(int(kind) | int(rule.rounding) << 2 |
                        int(rule.of_magnitude) << 5 |
                        int(of_batch || has_order(rule)) << 6));
  bits.rest += 8;
  if (has_order(rule)) {
    out.byte(std::uint8_t(rule.order));
    bits.rest += 8;
  }
  if (rule.is_dynamic()) return write_affine(rule.affine, out, bits);
  if (rule.kind != CodeRule::Kind::kThresholds) return;
  // A threshold that no float reaches is infinite: it is not written.
  const auto end = std::find(rule.thresholds.begin(), rule.thresholds.end(),
                             std::numeric_limits<float>::infinity());
  const std::span<const float> finite(rule.thresholds.begin(), end);
  const std::size_t begin = out.size();
  out.float_list(finite);
  bits.books += kFloatBits * finite.size();
  bits.rest += 8 * (out.size() - begin) - kFloatBits * finite.size();
}

CodeRule read_rule(ByteReader& in, const Grid& grid) {
  const std::uint8_t byte = in.byte();
  const int kind = byte & 3, rounding = (byte >> 2) & 7;
  const bool is_table = kind == int(CodeRule::Kind::kThresholds);
  const bool of_image = kind == int(CodeRule::Kind::kOfImage);
  const bool is_uniform = kind == int(CodeRule::Kind::kUniform);
  const bool of_batch = of_image && (byte & 64) != 0;
  const bool orders = is_uniform && (byte & 64) != 0;
  const bool needs_uniform = is_uniform || of_image;
  if (byte > 127 || ((byte & 64) != 0 && !of_batch && !orders) ||
      rounding > int(Rounding::kFloor) || (of_image && (byte & 32) != 0) ||
      (!is_table && needs_uniform != (grid.uniform() != nullptr))) {
    throw DataError("a rule of codes is unknown");
  }
  CodeRule rule{.kind = of_batch ? CodeRule::Kind::kOfBatch : CodeRule::Kind(kind),
                .rounding = Rounding(rounding),
                .of_magnitude = (byte & 32) != 0};
  if (orders) {
    const std::uint8_t order = in.byte();
    rule.order = CodeOrder(order);
    if (order > int(CodeOrder::kPytorch) || rule.order == CodeOrder::kTensorflow ||
        rule.rounding == Rounding::kFloor) {
      throw DataError("a rule of codes has an unknown order");
    }
  }
  if (of_image) rule.affine = read_affine(in, *grid.uniform(), rule.rounding);
  if (!is_table) return rule;
  rule.thresholds = in.float_list(grid.level_count() - 1, "the number of thresholds");
  rule.thresholds.resize(grid.level_count() - 1, std::numeric_limits<float>::infinity());
  if (!std::is_sorted(rule.thresholds.begin(), rule.thresholds.end())) {
    throw DataError("thresholds do not ascend");
  }
  return rule;
}

}  // namespace bitsweep
