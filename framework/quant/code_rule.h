// How a quantizer of activations chooses its codes, as data: so that a file can say it
// and a program without the method can follow it, bit for bit.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "framework/engine/rounding.h"
#include "framework/quant/affine.h"
#include "framework/quant/grid.h"
#include "framework/quant/quantizer.h"

namespace bitsweep {

/// The code of x on a grid.
struct CodeRule {
  enum class Kind : std::uint8_t {
    kUniform,     // clamp(round(x / scale + zero_point), low, high), or in another order
    kNearest,     // the grid's nearest code, ties to the even one
    kThresholds,  // low + how many thresholds are not above x
    kOfImage,     // scale and zero point from the range of each image: `affine`
    kOfBatch,     // the same from the range of all images that are run together
  };
  Kind kind = Kind::kUniform;
  Rounding rounding = Rounding::kHalfEven;   // of kUniform
  CodeOrder order = CodeOrder::kTensorflow;  // of kUniform; not with Rounding::kFloor
  bool of_magnitude = false;                 // |x| takes the place of x
  std::vector<float> thresholds = {};        // ascending, one a code but the lowest
  AffineCodes affine = {};  // of kOfImage and kOfBatch; the grid then has scale 1

  /// Whether scale and zero point are made at run time.
  bool is_dynamic() const { return kind == Kind::kOfImage || kind == Kind::kOfBatch; }
};

/// The rule by which `quantizer.encode` chooses codes; the quantizer must be calibrated.
/// Codes must not fall as x rises (or as |x| rises), which thresholds found by bisection
/// then say exactly, for every float. The simplest rule that has the same thresholds is
/// given, or that of scales made at run time, where the quantizer has these. Throws
/// MethodError for a quantizer whose codes rise and fall, or which does not treat each
/// value by itself.
CodeRule find_code_rule(const Quantizer& quantizer);

/// Where each code but the lowest begins: the least float that takes it or a higher one;
/// infinity when no finite one does. Not of dynamic rules, whose codes have no fixed
/// borders.
std::vector<float> thresholds_of(const CodeRule& rule, const Grid& grid);

/// Codes by the rule, of one image for kOfImage, of a batch for kOfBatch; NaN takes the code of 0.
void apply_rule(const CodeRule& rule, const Grid& grid, std::span<const float> x,
                std::span<std::int32_t> codes);

}  // namespace bitsweep
