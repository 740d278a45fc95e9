#include "framework/quant/encoded.h"

#include <bit>
#include <utility>

#include <fmt/format.h>

#include "framework/core/error.h"
#include "framework/quant/image_scales.h"
#include "framework/quant/quantizer.h"

namespace bitsweep {
namespace {

void refuse_foreign_codes(const Encoded& encoded) {
  const std::int32_t low = encoded.grid.low_code(), high = encoded.grid.high_code();
  for (std::size_t i = 0; i < encoded.codes.size(); ++i) {
    const std::int32_t code = encoded.codes[i];
    if (low <= code && code <= high) continue;
    throw MethodError(fmt::format(
        "it encodes value {} as {}; its grid has codes {} to {}", i, code, low, high));
  }
}

}  // namespace

std::vector<float> Encoded::values() const {
  std::vector<float> values(elements());
  grid.decode(codes, values);
  return values;
}

NominalBits Encoded::nominal_bits() const {
  NominalBits bits{.codes = std::int64_t(codes.size()) * grid.bits(),
                   .scales = kFloatBits * std::int64_t(grid.scale_count())};
  if (const LevelGrid* levels = grid.levels()) {
    if (levels->learned) bits.books = kFloatBits * std::int64_t(levels->levels.size());
    const auto index_bits = std::int64_t(std::bit_width(levels->books - 1));
    bits.books += index_bits * std::int64_t(levels->book_of.size());
  }
  return bits;
}

std::vector<std::int64_t> code_counts(std::span<const std::int32_t> codes,
                                      const Grid& grid) {
  std::vector<std::int64_t> counts(grid.level_count());
  const std::int32_t low = grid.low_code();
  for (const std::int32_t code : codes) ++counts[std::size_t(code - low)];
  return counts;
}

Encoded encode(const Quantizer& quantizer, std::span<const float> x, std::size_t pixels) {
  Grid grid = grid_for(quantizer, x);
  Encoded encoded{.codes = std::vector<std::int32_t>(grid.code_count(x.size())),
                  .grid = std::move(grid)};
  quantizer.encode(x, encoded.codes);
  refuse_foreign_codes(encoded);
  if (const auto* scaled = dynamic_cast<const PixelScaled*>(&quantizer)) {
    encoded.pixel_scales.resize(pixels);
    scaled->pixel_scales(x, encoded.pixel_scales, {});
  }
  return encoded;
}

}  // namespace bitsweep
