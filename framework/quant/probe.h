// Quantizers by themselves: made-up sites, and one call for each thing they do. For
// checks of methods, in the program and in tests.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "framework/core/random.h"
#include "framework/quant/quantizer.h"

namespace bitsweep::probe {

using Values = std::vector<float>;
using Codes = std::vector<std::int32_t>;

/// Weights {filters, kernel area, 1, in}: `shape` is {out, in} or {out, h, w, in}.
inline Site weight_site(std::vector<int> shape) {
  Site site;
  site.name = "conv1/weight";
  site.layer = "conv1";
  site.role = Role::kWeight;
  site.elements = 1;
  for (const int extent : shape) site.elements *= std::size_t(extent);
  site.channels = {std::size_t(shape[0]), site.elements / std::size_t(shape[0])};
  site.fan_in = int(site.channels.inner);
  site.shape = std::move(shape);
  return site;
}

/// Any other role: one image of `size` values in `channels` channels.
inline Site value_site(Role role, std::size_t size, bool is_signed = true,
                       int channels = 1) {
  Site site;
  site.name = std::string("conv1/") + role_name(role);
  site.layer = "conv1";
  site.role = role;
  site.shape = {1, int(size) / channels, channels};
  if (role == Role::kBias) site.shape = {int(size)};
  site.elements = size;
  site.channels = {std::size_t(channels), 1};
  site.is_signed = is_signed;
  return site;
}

/// Shows the quantizer x, as calibration does, and prepares it with x.
inline void calibrate(Quantizer& quantizer, const Values& x) {
  quantizer.calibrate(x);
  quantizer.finish_calibration();
  quantizer.prepare(x);
}

inline Values quantized(const Quantizer& quantizer, const Values& x, Pass pass = {}) {
  Values y(x.size());
  quantizer.forward(x, y, pass);
  return y;
}

inline Codes encoded(const Quantizer& quantizer, const Values& x) {
  Codes codes(quantizer.grid().code_count(x.size()));
  quantizer.encode(x, codes);
  return codes;
}

/// As many sums as the quantizer has learned values.
inline std::vector<double> zero_sums(Quantizer& quantizer) {
  std::size_t count = 0;
  for (const Parameter* learned : quantizer.trainable()) count += learned->value.size();
  return std::vector<double>(count);
}

/// Forward and backward in training; the gradient of x, the learned values' in `sums`.
inline Values propagated(Quantizer& quantizer, const Values& x, const Values& dy,
                         std::vector<double>& sums) {
  const Pass pass{.training = true};
  Values dx = quantized(quantizer, x, pass);
  sums = zero_sums(quantizer);
  quantizer.backward(x, dy, dx, sums, pass);
  return dx;
}

inline Values gradient(Quantizer& quantizer, const Values& x, const Values& dy) {
  std::vector<double> sums;
  return propagated(quantizer, x, dy, sums);
}

/// Of the learned values, after `finish_gradient`, in the parameters' order.
inline Values learned_gradients(Quantizer& quantizer, const Values& x, const Values& dy) {
  std::vector<double> sums;
  propagated(quantizer, x, dy, sums);
  quantizer.finish_gradient(sums);
  Values gradients;
  for (const Parameter* learned : quantizer.trainable()) {
    const auto values = learned->gradient.span();
    gradients.insert(gradients.end(), values.begin(), values.end());
  }
  return gradients;
}

/// Standard normal, times `spread`.
inline Values normal_values(std::size_t size, std::uint64_t seed, float spread = 1) {
  const RandomStream stream(seed, "values");
  Values x(size);
  for (std::size_t i = 0; i < size; ++i) {
    x[i] = spread * float(stream.normal_at(std::uint32_t(i)));
  }
  return x;
}

}  // namespace bitsweep::probe
