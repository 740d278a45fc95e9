// Quantizers whose scale is no constant: libraries call them dynamic.
#pragma once

#include <span>

#include "framework/quant/affine.h"
#include "framework/quant/quantizer.h"

namespace bitsweep {

/// An input quantizer that chooses scale and zero point for each image anew, from its
/// least and largest value. `grid()` has the codes, and scale 1.
class ScalesEachImage {
 public:
  virtual ~ScalesEachImage() = default;
  virtual const AffineCodes& affine() const = 0;
  /// Of the images x: a channel of the grid's layout is an image.
  virtual Grid grid_of(std::span<const float> x) const = 0;
};

/// The grid that x lies on behind the quantizer: its own, or that of x's images.
inline Grid grid_for(const Quantizer& quantizer, std::span<const float> x) {
  const auto* const of_image = dynamic_cast<const ScalesEachImage*>(&quantizer);
  return of_image != nullptr ? of_image->grid_of(x) : quantizer.grid();
}

}  // namespace bitsweep
