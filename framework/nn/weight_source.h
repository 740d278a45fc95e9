// What stands between a layer's latent weights and their quantizer.
#pragma once

#include <span>

#include "framework/core/parameter.h"

namespace bitsweep {

/// Weights go latent -> source -> quantizer; the product has no bias of its own then.
///
/// In passes that need it the layer computes a second product, that of the latent weights
/// and bias: u. The source takes what it wants of u and gives u's gradient.
class WeightSource {
 public:
  virtual ~WeightSource() = default;

  /// Before each pass that follows a change of the weights: the source of `latent`.
  virtual void make(std::span<const float> latent, std::span<float> source) = 0;

  /// Turns the gradient of the source, which `weight` holds, into that of the latent
  /// weights by way of the source, and writes the bias's.
  virtual void backward(Parameter& weight, Parameter& bias) = 0;

  /// Of the pass under way.
  virtual bool needs_latent_product() const = 0;
  /// Writes the gradient of u in its place, for whole pixels of it.
  virtual void latent_gradient(std::span<float> u) const = 0;
};

}  // namespace bitsweep
