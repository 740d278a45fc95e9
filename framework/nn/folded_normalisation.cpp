#include "framework/nn/folded_normalisation.h"

#include <algorithm>
#include <cmath>

#include "framework/engine/normalisation.h"
#include "framework/nn/weighted_layer.h"

namespace bitsweep {

FoldedNormalisation::FoldedNormalisation(WeightedLayer& before, const Normalisation& own)
    : before_(before), own_(own) {
  const std::size_t count = own.running_mean.size();
  for (auto* row :
       {&deviation_, &offset_, &batch_deviation_, &gamma_gradient_, &bias_gradient_}) {
    row->resize(count);
  }
  slope_.resize(count);
  constant_.resize(count);
}

double FoldedNormalisation::bias(std::size_t channel) const {
  return before_.has_bias() ? double(before_.bias().value[channel]) : 0.0;
}

double FoldedNormalisation::running_deviation(std::size_t channel) const {
  return std::sqrt(double(own_.running_variance[channel]) + own_.epsilon);
}

double FoldedNormalisation::factor(std::size_t channel, double deviation) const {
  return double(own_.gamma.value[channel]) / deviation;
}

float FoldedNormalisation::running_shift(std::size_t channel, double deviation) const {
  return float(own_.beta.value[channel] +
               (bias(channel) - own_.running_mean[channel]) * factor(channel, deviation));
}

void FoldedNormalisation::fold_for_good() {
  const auto w = before_.weight().value.span();
  make(w, w);
  for (std::size_t c = 0; c < channels(); ++c) {
    before_.bias().value[c] = running_shift(c, deviation_[c]);
  }
  before_.give_bias();
}

void FoldedNormalisation::make(std::span<const float> w, std::span<float> v) {
  const std::size_t filter = w.size() / channels();
  for (std::size_t c = 0; c < channels(); ++c) {
    deviation_[c] = running_deviation(c);
    const double by = factor(c, deviation_[c]);
    for (std::size_t i = c * filter; i < (c + 1) * filter; ++i) v[i] = float(w[i] * by);
  }
}

void FoldedNormalisation::take_batch(std::span<const float> mean,
                                     std::span<const float> variance,
                                     std::span<float> scale, std::span<float> shift) {
  for (std::size_t c = 0; c < channels(); ++c) {
    offset_[c] = double(mean[c]) - bias(c);
    batch_deviation_[c] = std::sqrt(double(variance[c]) + own_.epsilon);
    scale[c] = float(deviation_[c] / batch_deviation_[c]);
    shift[c] = float(own_.beta.value[c] - offset_[c] * factor(c, batch_deviation_[c]));
  }
}

void FoldedNormalisation::take_running(std::span<float> scale,
                                       std::span<float> shift) const {
  for (std::size_t c = 0; c < channels(); ++c) {
    scale[c] = 1;
    shift[c] = running_shift(c, running_deviation(c));
  }
}

// y = z s / sigma + beta - gamma (mu - b) / sigma; u has mu and sigma, and b as a part,
// which cancels.
void FoldedNormalisation::batch_gradients(double pixels, std::span<const double> sum_dy,
                                          std::span<const double> sum_dy_z) {
  for (std::size_t c = 0; c < channels(); ++c) {
    const double sigma = batch_deviation_[c];
    const double to_mean = -factor(c, sigma) * sum_dy[c];
    const double to_deviation =
        -(deviation_[c] * sum_dy_z[c] / sigma + offset_[c] * to_mean) / sigma;
    const double slope = to_deviation / (sigma * pixels);
    const double mean = offset_[c] + bias(c);
    slope_[c] = float(slope);
    constant_[c] = float(to_mean / pixels - slope * mean);
    own_.beta.gradient[c] = float(sum_dy[c]);
    gamma_gradient_[c] = -offset_[c] / sigma * sum_dy[c];
    bias_gradient_[c] = 0;
  }
}

void FoldedNormalisation::running_gradients(std::span<const double> sum_dy) {
  for (std::size_t c = 0; c < channels(); ++c) {
    own_.beta.gradient[c] = float(sum_dy[c]);
    gamma_gradient_[c] = (bias(c) - own_.running_mean[c]) / deviation_[c] * sum_dy[c];
    bias_gradient_[c] = factor(c, deviation_[c]) * sum_dy[c];
  }
}

void FoldedNormalisation::gradient_of_product(std::span<float> u) const {
  kernels::normalise(u, {slope_, constant_}, u);
}

void FoldedNormalisation::backward(Parameter& weight, Parameter& bias) {
  const std::size_t filter = weight.value.size() / channels();
  for (std::size_t c = 0; c < channels(); ++c) {
    const double by = factor(c, deviation_[c]);
    double along_w = 0;
    for (std::size_t i = c * filter; i < (c + 1) * filter; ++i) {
      const double dv = weight.gradient[i];
      along_w += dv * weight.value[i];
      weight.gradient[i] = float(dv * by);
    }
    own_.gamma.gradient[c] = float(gamma_gradient_[c] + along_w / deviation_[c]);
    bias.gradient[c] = float(bias_gradient_[c]);
  }
}

}  // namespace bitsweep
