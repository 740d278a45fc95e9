// Ranges from means and deviations, one batch after the other.
#pragma once

#include <memory>

#include "framework/quant/range.h"

namespace bitsweep {

/// Where a symmetric Laplace density of scale 1 (a normal one of deviation 1) is best
/// clipped for a uniform grid of 2^bits levels: the a of the least mean square error,
/// 2 e^-a + a^2 / (3 4^bits), or (a^2 + 1) (1 - erf(a / sqrt 2)) + a^2 / (3 4^bits)
/// - sqrt(2 / pi) a e^(-a^2 / 2). Banner, Nahshan, Hoffer, Soudry, "Post training 4-bit
/// quantization of convolutional networks for rapid-deployment", arXiv:1810.05723.
double laplace_clip(int bits);
double gauss_clip(int bits);

/// Of `deviations`, `aciq_laplace` and `aciq_gauss` (see `range_names`).
std::unique_ptr<RangeEstimator> make_deviations_estimator(double deviations);
std::unique_ptr<RangeEstimator> make_aciq_estimator(bool laplace, int bits);

}  // namespace bitsweep
