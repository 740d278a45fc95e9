#include "framework/quant/edge.h"

#include "framework/quant/uniform.h"

namespace bitsweep {

std::unique_ptr<Quantizer> make_edge_quantizer(const Site& site, int bits) {
  UniformSettings settings;
  switch (site.role) {
    case Role::kWeight:
    case Role::kBias:
      settings.range = "max_abs";
      settings.grid = [bits](const Range& range) { return symmetric_grid(range, bits); };
      settings.follows_weights = true;
      break;
    case Role::kInput:
    case Role::kOutput:
    case Role::kOperand:
      settings.range = "min_max";
      settings.grid = [bits](const Range& range) { return affine_grid(range, bits); };
      settings.straight_through = StraightThrough::kRange;
      break;
    case Role::kGradient:
      return nullptr;
  }
  return std::make_unique<UniformQuantizer>(site, std::move(settings));
}

}  // namespace bitsweep
