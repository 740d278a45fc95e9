// What a method puts on a site.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "framework/core/parameter.h"
#include "framework/quant/grid.h"
#include "framework/quant/site.h"
#include "framework/quant/stage.h"

namespace bitsweep {

/// The circumstances of one call of a quantizer.
struct Pass {
  bool training = false;
  std::int64_t step = 0;   // of training: names the draw of a stochastic quantizer
  std::size_t offset = 0;  // index of x[0] in the whole batch's tensor: a slice of the
                           // batch draws what the whole batch would draw there
  std::size_t images = 1;  // in x, for activations and gradients
};

/// Reads or replaces the named values of a quantizer's state. Names are unique within a
/// quantizer; a replaced list may have another length.
class StateVisitor {
 public:
  virtual ~StateVisitor() = default;
  virtual void values(const char* name, std::vector<float>& values) = 0;

  void value(const char* name, float& value) {
    std::vector<float> one{value};
    values(name, one);
    if (one.size() == 1) value = one.front();
  }
  /// Whole numbers up to 2^24 in size.
  template <class Integer>
  void integer(const char* name, Integer& number) {
    float as_float = float(number);
    value(name, as_float);
    number = Integer(as_float);
  }
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

  virtual std::vector<Parameter*> trainable() { return {}; }

  /// Shows `visitor` every value that calibration, stages and training have left in the
  /// quantizer, beside those of `trainable()` and what `prepare` computes from the
  /// weights; the visitor reads or replaces them. A quantizer whose state was replaced
  /// goes on as the one it was taken from.
  virtual void visit_state(StateVisitor& /*visitor*/) {}
};

// What some quantizers do besides. The framework looks for these when it attaches a
// quantizer to its site.

/// Called once, when the weights (or the bias) have been drawn: it may set learning-rate
/// and decay multipliers or the initial values.
class AdoptsLatent {
 public:
  virtual ~AdoptsLatent() = default;
  virtual void adopt(Parameter& latent) = 0;
};

/// Changes the latent weights after the optimizer's step (BinaryConnect's clip, a mask).
class ChangesLatent {
 public:
  virtual ~ChangesLatent() = default;
  virtual void after_step(std::span<float> latent) = 0;
};

/// Does something to the latent weights when a transform among the stages of its method
/// begins.
class HasStages {
 public:
  virtual ~HasStages() = default;
  virtual void begin_stage(const Stage& stage, std::span<float> latent) = 0;
};

/// Values pass in float outside training, as stochastic BinaryConnect is tested: the law
/// does not hold then, and sizes count 32 bits.
class EvaluatesFloat {
 public:
  virtual ~EvaluatesFloat() = default;
};

/// An input quantizer whose values have a scale of their own at each pixel (XNOR-Net's
/// A): `a` is [images, pixels] of the x of `forward`. The layer multiplies each output
/// pixel by the mean of `a` over its window, a constant to gradients.
class PixelScaled {
 public:
  virtual ~PixelScaled() = default;
  virtual void pixel_scales(std::span<const float> x, std::span<float> a,
                            const Pass& pass) const = 0;
};

/// A quantizer of weights that looks at what they are multiplied with.
class SeesInputs {
 public:
  virtual ~SeesInputs() = default;
  /// Before `calibrate`, for each calibration batch: values that the layer reads in the
  /// float network, a sample of [rows, weights of a filter] in their order, each row what
  /// one output is the filter's product with.
  virtual void see_inputs(std::span<const float> rows) = 0;
  /// False where its parameters make no use of them.
  virtual bool wants_inputs() const { return true; }
};

/// A quantizer of biases whose step is that of the sums they are added to. The layer tells
/// it the grids of its inputs and weights, before each `prepare`; where these have no
/// `product_scales`, biases pass in float.
class FollowsProduct {
 public:
  virtual ~FollowsProduct() = default;
  virtual void follow(const Grid& inputs, const Grid& weights) = 0;
};

/// A quantizer of activations whose ranges follow the batches of training. A whole batch
/// is measured, slice by slice and on several threads, before any of it is quantized;
/// then `follow` is told of all its slices, in their order, so that the number of threads
/// changes nothing. Also while the site's switch is off.
class FollowsBatches {
 public:
  virtual ~FollowsBatches() = default;
  /// Numbers that `measure` writes.
  virtual std::size_t measures() const = 0;
  virtual void measure(std::span<const float> x, std::span<double> measures) const = 0;
  /// `rows` is [slices, measures()].
  virtual void follow(std::span<const double> rows) = 0;
  /// Whether batches of evaluation are measured, too: results then depend on the number
  /// of images in a batch. Only the images that count are shown.
  virtual bool follows_evaluation() const { return false; }
};

/// What a quantizer must be given to be as it is now: the values of `trainable()` by
/// their names behind the site's ("step"), and those of `visit_state`.
using QuantizerState = std::map<std::string, std::vector<float>>;

QuantizerState state_of(Quantizer& quantizer);
/// Throws MethodError when a value is missing, is one too many, or when a learned one has
/// another length.
void set_state(Quantizer& quantizer, const QuantizerState& state);

/// The optional interface I of a quantizer, or null.
template <class I, class Q>
auto* optional_interface(Q* quantizer) {
  using Found = std::conditional_t<std::is_const_v<Q>, const I, I>;
  return dynamic_cast<Found*>(quantizer);
}

}  // namespace bitsweep
