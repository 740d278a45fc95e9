// A quantized tensor as a value: what everything behind a quantizer works on. Sizes,
// health, histograms, packing, execution and export are computed from this alone.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "framework/quant/grid.h"

namespace bitsweep {

class Quantizer;

/// Bits of a quantized tensor when every code takes its grid's width: the nominal size.
struct NominalBits {
  std::int64_t codes = 0;
  std::int64_t scales = 0;  // and zero points, 32 bits each
  std::int64_t books = 0;   // levels that are data, 32 bits each, and indices of books
  std::int64_t total() const { return codes + scales + books; }
};

/// Codes, the grid that makes numbers of them, and the scales that belong to these codes
/// alone.
struct Encoded {
  std::vector<std::int32_t> codes;  // one a value, or one a vector of the grid
  Grid grid;
  /// Of inputs with a scale at each pixel (XNOR-Net's A), [images, pixels]; else empty.
  /// They multiply the layer's outputs, not these values.
  std::vector<float> pixel_scales = {};

  std::size_t elements() const { return codes.size() * grid.dimension(); }
  std::vector<float> values() const;
  NominalBits nominal_bits() const;
};

/// How many of the codes are each of the grid's, from its lowest on.
std::vector<std::int64_t> code_counts(std::span<const std::int32_t> codes,
                                      const Grid& grid);

/// x as the quantizer's evaluation sees it; it must be calibrated and prepared. Throws
/// MethodError when a code is none of its grid's. `pixels` in x, of all images, where the
/// quantizer may have a scale for each.
Encoded encode(const Quantizer& quantizer, std::span<const float> x,
               std::size_t pixels = 0);

}  // namespace bitsweep
