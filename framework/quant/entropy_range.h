// Ranges by the divergence of histograms: see divergence.h.
#pragma once

#include <memory>
#include <string_view>

#include "framework/quant/range.h"

namespace bitsweep {

/// `kl_tensorrt`, `kl_nvidia`, `kl_mxnet` or `kl_neural_compressor`; null for other
/// names.
std::unique_ptr<RangeEstimator> make_entropy_estimator(std::string_view name,
                                                       const RangeOptions& options);

}  // namespace bitsweep
