// Batch normalisation, taken apart into the passes of a batch that is worked on in
// slices. Each pass sees the pixels of a slice, [pixels, channels]; the number of
// channels is the size of the per-channel spans. Sums of a slice are written, not added;
// the caller adds the slices' in slice order. One thread; no allocation.
//
//   forward:   sums -> batch_moments -> fold_normalisation -> normalise
//   backward:  backward sums -> fold_gradient -> normalise_backward
#pragma once

#include <cstddef>
#include <span>

namespace bitsweep {

/// y = x * scale + shift, per channel.
struct ChannelAffine {
  std::span<const float> scale;
  std::span<const float> shift;
};

/// dx = scale * dy + slope * x + constant, per channel; scale is the forward pass's.
struct ChannelGradient {
  std::span<const float> scale;
  std::span<const float> slope;
  std::span<const float> constant;
};

/// What the forward pass normalised with: xhat = (x - mean) * inverse_deviation.
struct ChannelMoments {
  std::span<const float> mean;
  std::span<const float> inverse_deviation;
};

/// A slice's sums for the backward pass: of dy (the shift's gradient) and of dy * xhat
/// (the scale's).
struct ChannelSums {
  std::span<double> dy;
  std::span<double> dy_xhat;
};

namespace kernels {

/// Per channel the sums of x - around and of (x - around)^2. `around` keeps the variance
/// accurate where the mean is large beside the deviation; any value among the data does,
/// the batch's first pixel for one, the same for all slices.
void batch_statistics(std::span<const float> x, std::span<const float> around,
                      std::span<double> sum, std::span<double> sum_of_squares);

/// Mean and (biased) variance of a batch of `pixels` from the slices' added sums.
void batch_moments(std::size_t pixels, std::span<const float> around,
                   std::span<const double> sum, std::span<const double> sum_of_squares,
                   std::span<float> mean, std::span<float> variance);

/// scale = gamma / sqrt(variance + epsilon), shift = beta - mean * scale.
void fold_normalisation(std::span<const float> gamma, std::span<const float> beta,
                        std::span<const float> mean, std::span<const float> variance,
                        float epsilon, std::span<float> scale, std::span<float> shift,
                        std::span<float> inverse_deviation);

// y may be the same memory as x or the addend. relu(v) = max(v, 0), NaN stays NaN.

/// y = x * scale + shift.
void normalise(std::span<const float> x, const ChannelAffine& affine, std::span<float> y);
/// y = relu(x * scale + shift).
void normalise_relu(std::span<const float> x, const ChannelAffine& affine,
                    std::span<float> y);
/// y = relu(x * scale + shift + addend): the end of a residual block.
void normalise_add_relu(std::span<const float> x, const ChannelAffine& affine,
                        std::span<const float> addend, std::span<float> y);

/// The sums behind `normalise`.
void normalise_backward_sums(std::span<const float> x, std::span<const float> dy,
                             const ChannelMoments& moments, const ChannelSums& sums);
/// Behind `normalise_relu`: dy counts where x * scale + shift > 0, worked out again.
void normalise_relu_backward_sums(std::span<const float> x, std::span<const float> dy,
                                  const ChannelAffine& affine,
                                  const ChannelMoments& moments, const ChannelSums& sums);
/// Behind `normalise_add_relu`, whose output was y: sets dy to 0 where y is not positive,
/// since it is the shortcut's gradient too; what follows is `normalise_backward`.
void normalise_add_relu_backward_sums(std::span<const float> x, std::span<const float> y,
                                      std::span<float> dy, const ChannelMoments& moments,
                                      const ChannelSums& sums);

/// slope and constant of a batch of `pixels` from the slices' added sums.
void fold_gradient(std::size_t pixels, std::span<const float> scale,
                   const ChannelMoments& moments, std::span<const double> sum_dy,
                   std::span<const double> sum_dy_xhat, std::span<float> slope,
                   std::span<float> constant);

/// dx = scale * dy + slope * x + constant; dx may be the same memory as dy.
void normalise_backward(std::span<const float> x, std::span<const float> dy,
                        const ChannelGradient& gradient, std::span<float> dx);
/// The same with dy counted where x * scale + shift > 0.
void normalise_relu_backward(std::span<const float> x, std::span<const float> dy,
                             const ChannelGradient& gradient,
                             std::span<const float> shift, std::span<float> dx);

}  // namespace kernels
}  // namespace bitsweep
