// Clips by the Kullback-Leibler divergence of what quantization makes of a histogram, as
// three libraries compute it.
#pragma once

#include <cstddef>
#include <span>

namespace bitsweep {

/// TensorRT (Migacz, "8-bit Inference with TensorRT", GTC 2017): D(P || Q) where the
/// first `kept` bins of magnitudes remain. P has what lies beyond in its last bin; Q
/// spreads each of `levels` groups, of equal width and without what lies beyond, over the
/// group's bins that are not empty. Infinite where P has a bin that Q has not.
double tensorrt_divergence(std::span<const double> bins, std::size_t kept,
                           std::size_t levels);

/// MXNet (calibrate.cc): the bins, odd in number, are centred on 0, and `half` of them
/// remain on either side. Each level has size / levels bins, the last the remainder; Q
/// has the bins of P alone, and its sums lack the window's first bin, as in MXNet's code.
/// Empty bins of either get 1e-4, taken from the others; infinite where those have not so
/// much.
double mxnet_divergence(std::span<const double> bins, std::size_t half,
                        std::size_t levels);

/// Intel Neural Compressor: as TensorRT, with kept / levels bins a level, the remainder
/// in the last, spread over the bins of P.
double neural_compressor_divergence(std::span<const double> bins, std::size_t kept,
                                    std::size_t levels);

/// Which `kept` of [first, last] diverges least by TensorRT's measure; of equals the
/// first one, or the last. `bins.size()` where there is none or all diverge without
/// bound.
std::size_t tensorrt_clip(std::span<const double> bins, std::size_t levels,
                          std::size_t first, std::size_t last, bool last_of_equals);
/// Half-widths from levels / 2 on.
std::size_t mxnet_clip(std::span<const double> bins, std::size_t levels);
/// From a share of the bins on (0.7 where values are never negative, else 0.6), without
/// those that end in an empty bin.
std::size_t neural_compressor_clip(std::span<const double> bins, std::size_t levels,
                                   double share);

}  // namespace bitsweep
