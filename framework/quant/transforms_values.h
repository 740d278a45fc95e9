// For whoever judges a quantizer by what it loses: where its grid lies.
#pragma once

#include <span>

namespace bitsweep {

/// A quantizer whose grid is that of u = f(x) and not of x (normalised weights, their
/// tanh): y is the grid's value for u, and what is lost is u - y. Without this interface
/// u is x.
class TransformsValues {
 public:
  virtual ~TransformsValues() = default;

  /// u of x, after `prepare` where there is one. Of one size; may be the same memory.
  virtual void transformed(std::span<const float> x, std::span<float> u) const = 0;
};

}  // namespace bitsweep
