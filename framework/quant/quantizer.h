// What a method puts on a site.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "framework/core/parameter.h"
#include "framework/quant/grid.h"
#include "framework/quant/site.h"

namespace bitsweep {

/// The circumstances of one call of a quantizer.
struct Pass {
  bool training = false;
  std::int64_t step = 0;   // of training: names the draw of a stochastic quantizer
  std::size_t offset = 0;  // index of x[0] in the whole batch's tensor: a slice of the
                           // batch draws what the whole batch would draw there
  std::size_t images = 1;  // in x, for activations and gradients
};

/// Turns real numbers into codes on a grid, and back, in one go.
///
/// Law: outside training, after `calibrate` and `prepare`, `forward(x, y)` gives exactly
/// y == grid().decode(encode(x)), for finite x.
///
/// NaN and infinity: `encode` gives them some code of the grid, and they spoil no other
/// value. Where `calibrate` or `prepare` have met them all may be lost, but `forward` and
/// `backward` do not crash or throw: the run then tells of a loss that is NaN.
///
/// `forward` and `backward` of activations are called from several threads at once, a
/// slice of the batch each; they are const. Weights come whole.
class Quantizer {
 public:
  virtual ~Quantizer() = default;

  /// Called once, when the quantizer meets its weights (or bias): it may set
  /// learning-rate and decay multipliers or the initial values.
  virtual void adopt(Parameter& /*latent*/) {}

  /// Looks at data to choose the grid: once for weights; for activations once for each
  /// calibration batch, whole. `finish_calibration` closes it.
  virtual void calibrate(std::span<const float> /*x*/) {}
  virtual void finish_calibration() {}

  /// Weights: called with the whole latent tensor before each forward that follows a
  /// change of it; whatever depends on all values (a mean, a maximum) is computed here.
  virtual void prepare(std::span<const float> /*x*/) {}

  /// y = Q(x). x and y have one size and may be the same memory.
  virtual void forward(std::span<const float> x, std::span<float> y,
                       const Pass& pass) const = 0;

  /// dx from dy = dL/dQ(x), at the x of `forward`; dy and dx may be the same memory.
  /// Gradients of `trainable()` values are added to `sums`, one double for each value, in
  /// the parameters' order; the caller adds the slices' sums in slice order and hands the
  /// total to `finish_gradient`.
  virtual void backward(std::span<const float> x, std::span<const float> dy,
                        std::span<float> dx, std::span<double> sums,
                        const Pass& pass) const;

  /// Turns the totals into parameter gradients (adds a gradient scale, a decay term).
  virtual void finish_gradient(std::span<const double> sums);

  /// Codes of x, as `forward` outside training chooses them. By default the nearest code.
  virtual void encode(std::span<const float> x, std::span<std::int32_t> codes) const;

  virtual Grid grid() const = 0;

  /// True when values pass in float outside training, as stochastic BinaryConnect is
  /// tested: the law does not hold then, and sizes count 32 bits.
  virtual bool evaluates_float() const { return false; }

  /// An input quantizer whose values have a scale of their own at each pixel (XNOR-Net's
  /// A) says true and writes it: `a` is [images, pixels] of the x of `forward`. The layer
  /// multiplies each output pixel by the mean of `a` over its window, a constant to
  /// gradients.
  virtual bool scales_pixels() const { return false; }
  virtual void pixel_scales(std::span<const float> /*x*/, std::span<float> /*a*/,
                            const Pass& /*pass*/) const {}

  virtual std::vector<Parameter*> trainable() { return {}; }

  /// After the optimizer's step: may change the latent weights (BinaryConnect's clip, a
  /// mask).
  virtual void after_step(std::span<float> /*latent*/) {}
  virtual void after_epoch(std::span<float> /*latent*/) {}
  /// Before stage `stage` (an index into `Method::stages`) begins.
  virtual void begin_stage(int /*stage*/, std::span<float> /*latent*/) {}

  /// True when `after_step` does something: lets the loop skip the others.
  virtual bool changes_latent() const { return false; }
};

}  // namespace bitsweep
