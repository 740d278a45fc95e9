// A quantizer that adds a term to what training minimises.
#pragma once

#include <span>

namespace bitsweep {

/// Weights or biases with a penalty of their own: training minimises the loss, the mean
/// over a batch's images, plus the penalties. `prepare` has seen the same latent values.
class Penalised {
 public:
  virtual ~Penalised() = default;
  virtual double penalty(std::span<const float> latent) const = 0;
  /// Adds d penalty / d latent to `gradient`, behind `backward`.
  virtual void add_penalty_gradient(std::span<const float> latent,
                                    std::span<float> gradient) const = 0;
};

}  // namespace bitsweep
