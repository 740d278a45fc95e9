// Quantizers of activations whose scale and zero point are found at run time.
#pragma once

#include <cstddef>
#include <memory>

#include "framework/quant/image_scales.h"
#include "framework/quant/quantizer.h"

namespace bitsweep {

/// With the range of each image, of `elements` values: a `ScalesEachImage`.
std::unique_ptr<Quantizer> make_image_scales(const AffineCodes& codes,
                                             std::size_t elements);

/// With the range of all images that are quantized together: a `ScalesEachBatch`. What an
/// image becomes then depends on the others of its batch, and on their number.
std::unique_ptr<Quantizer> make_batch_scales(const AffineCodes& codes);

}  // namespace bitsweep
