// Quantizers whose scale is no constant: libraries call them dynamic.
#pragma once

#include <span>

#include "framework/quant/affine.h"
#include "framework/quant/quantizer.h"

namespace bitsweep {

/// An input quantizer that chooses scale and zero point when it sees the values, from the
/// least and the largest of them.
class ScalesAtRunTime {
 public:
  virtual ~ScalesAtRunTime() = default;
  virtual const AffineCodes& affine() const = 0;
};

/// For each image anew. `grid()` has the codes, and scale 1.
class ScalesEachImage : public ScalesAtRunTime {
 public:
  /// Of the images x: a channel of the grid's layout is an image.
  virtual Grid grid_of(std::span<const float> x) const = 0;
};

/// For each batch anew, which is measured before it is quantized (`FollowsBatches`).
/// `grid()` is that of the last batch.
class ScalesEachBatch : public ScalesAtRunTime {};

/// The grid that x lies on behind the quantizer: its own, or that of x's images.
inline Grid grid_for(const Quantizer& quantizer, std::span<const float> x) {
  const auto* const of_image = dynamic_cast<const ScalesEachImage*>(&quantizer);
  return of_image != nullptr ? of_image->grid_of(x) : quantizer.grid();
}

}  // namespace bitsweep
