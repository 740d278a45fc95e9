// Convolution of integer codes into exact 32-bit sums: what a packed model's uniform
// grids run on. A linear layer is the case {1, 1, inputs}, kernel 1, or a kernel that
// covers the whole image.
//
// All implementations give the same bits: `reference` is plain loops; the fast one takes
// oneDNN's 8-bit kernels where these are exact, and 16-bit products of our own elsewhere.
// oneDNN 2.6 is not exact everywhere: without VNNI or AMX it adds pairs of u8 * s8 with
// saturation in 16 bits, and some kernels pass the sums through float, which keeps 24
// bits.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "framework/engine/convolution.h"

namespace bitsweep {

/// How the bytes of an activation are read: value = scale * (code - zero_point).
struct InputCodes {
  bool is_signed = false;  // int8 instead of uint8
  int zero_point = 0;      // within the type; the border of an image is filled with it
};

/// y[image, pixel, out] = the sum over taps and inputs of
/// (x - zero_point) * (w - weight_zero_point[out]).
///
/// x: [images, input], bytes; y: [images, output]; they must not overlap. Sums that do
/// not fit 32 bits wrap around; up to 33000 products of any codes always fit. Weights are
/// [out][kernel height][kernel width][in / groups].
///
/// `pack_weights` is called by one thread, and before `forward`; `forward` by several at
/// once, each with its own `slot` in [0, slots). `forward` allocates
/// nothing beyond oneDNN's argument tables.
class IntegerConvolution {
 public:
  virtual ~IntegerConvolution() = default;

  /// `zero_points`: one a filter, or none where all are 0.
  virtual void pack_weights(std::span<const std::int8_t> weights,
                            std::span<const std::int8_t> zero_points) = 0;

  /// Bytes are uint8 or int8 as `InputCodes` says.
  virtual void forward(int slot, const void* x, std::int32_t* y) const = 0;

  /// What runs: "reference", "16-bit products" or oneDNN's name of its kernel.
  virtual std::string implementation() const = 0;
};

std::unique_ptr<IntegerConvolution> make_integer_convolution(
    EngineKind kind, const ConvolutionGeometry& geometry, InputCodes input, int images,
    int slots);

}  // namespace bitsweep
