// Batch normalisation as a part of the weights before it: for good, or while both are
// trained.
//
// Jacob et al., arXiv:1712.05877, section 3.2, with the correction of TensorFlow's
// rewriter and of Krishnamoorthi, arXiv:1806.08342, section 3.2.2. With running mean m and
// deviation s = sqrt(running variance + epsilon), and mu, sigma those of the batch of u =
// conv(x, w) + b, Q the quantizer:
//
//   source       v = w gamma / s                       a scale that does not shake
//   by the batch y = conv(x, Q(v)) s / sigma + beta - gamma (mu - b) / sigma
//   else         y = conv(x, Q(v)) + beta + gamma (b - m) / s
//
// m and s are constants of a step: gradients pass mu and sigma to u, and so to w and x.
#pragma once

#include <span>
#include <vector>

#include "framework/core/parameter.h"

namespace bitsweep {

class WeightedLayer;

/// The arithmetic of it, channel by channel, in double; tensors are rounded once.
class FoldedNormalisation {
 public:
  struct Normalisation {
    Parameter& gamma;
    Parameter& beta;
    const Buffer& running_mean;
    const Buffer& running_variance;
    double epsilon;
  };

  /// Both must outlive it.
  FoldedNormalisation(WeightedLayer& before, const Normalisation& own);

  /// Puts v, and the bias of the last line, in the place of the layer's.
  void fold_for_good();

  /// v of w, by the running deviation as it is now: s until the next call.
  void make(std::span<const float> w, std::span<float> v);

  // y = scale z + shift, z the product of Q(v).
  void take_batch(std::span<const float> mean, std::span<const float> variance,
                  std::span<float> scale, std::span<float> shift);
  void take_running(std::span<float> scale, std::span<float> shift) const;

  // From the sums of dy and dy z over a batch of `pixels`: the gradients of beta and u,
  // and of gamma but for what `backward` adds.
  void batch_gradients(double pixels, std::span<const double> sum_dy,
                       std::span<const double> sum_dy_z);
  void running_gradients(std::span<const double> sum_dy);
  /// du in the place of u, whole pixels of it.
  void gradient_of_product(std::span<float> u) const;

  /// `weight` has dv as its gradient, and gets what reaches w by way of v; with it the
  /// gradients of gamma and b are complete.
  void backward(Parameter& weight, Parameter& bias);

 private:
  std::size_t channels() const { return deviation_.size(); }
  double bias(std::size_t channel) const;
  double factor(std::size_t channel, double deviation) const;
  double running_deviation(std::size_t channel) const;
  float running_shift(std::size_t channel, double deviation) const;

  WeightedLayer& before_;
  Normalisation own_;
  std::vector<double> deviation_;                 // s
  std::vector<double> offset_, batch_deviation_;  // mu - b, sigma
  std::vector<double> gamma_gradient_;            // without the part by way of v
  std::vector<double> bias_gradient_;
  std::vector<float> slope_, constant_;  // du = slope u + constant
};

}  // namespace bitsweep
