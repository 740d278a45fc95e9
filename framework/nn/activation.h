// The values between layers.
#pragma once

#include <utility>
#include <vector>

#include "framework/core/tensor.h"
#include "framework/nn/program.h"

namespace bitsweep {

class WeightedLayer;

/// The values between two layers, for a whole batch: NHWC.
struct Activation {
  ImageShape shape;
  bool is_signed = true;   // false where values cannot be negative
  bool is_image = false;   // the network's own input
  bool is_forked = false;  // several layers read it: none may do its work in its place
  bool needs_gradient = true;
  /// The layers whose neurons these are: their weights are the last on the way here. None
  /// for the image, several behind an addition or concatenation.
  std::vector<WeightedLayer*> makers;
  Buffer value;     // batch x shape
  Buffer gradient;  // empty when another activation's serves (see claim_gradient)
  Activation* gradient_owner = nullptr;
  bool gradient_written = false;  // while the backward pass is planned

  float* values(const Slice& slice) { return value.data() + offset(slice); }
  float* gradients(const Slice& slice) {
    return gradient_buffer().data() + offset(slice);
  }
  Buffer& gradient_buffer() {
    return gradient_owner != nullptr ? gradient_owner->gradient_buffer() : gradient;
  }
  std::size_t offset(const Slice& slice) const {
    return std::size_t(slice.begin) * shape.elements();
  }
  std::size_t elements(const Slice& slice) const {
    return std::size_t(slice.images) * shape.elements();
  }
  /// For a consumer planning its backward work, last consumer first: true when it must
  /// add to the gradient, false when it is the first and writes it.
  bool claim_gradient() { return std::exchange(gradient_written, true); }
};

}  // namespace bitsweep
