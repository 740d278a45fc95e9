// The shortcut of a residual block.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "framework/nn/layer.h"

namespace bitsweep {

/// The layers of `shortcut: identity | padded | projected`; none where the input can be
/// added as it is. `padded` is option A of He et al., CVPR 2016: every stride-th pixel,
/// new channels zero, half of them on each side. `projected` is a 1x1 convolution and a
/// batch normalisation. Throws ConfigError when the shapes do not allow the one asked
/// for.
std::vector<std::unique_ptr<Layer>> make_shortcut(const LayerSpec& spec,
                                                  Activation& input, ImageShape output,
                                                  LayerContext& context);

}  // namespace bitsweep
