// A convolution of a whole batch, cut into slices.
#pragma once

#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "framework/engine/convolution.h"
#include "framework/nn/program.h"

namespace bitsweep {

/// Each slice is convolved on one thread. The slices' weight gradients are added in slice
/// order: `backward_weights` of each slice, `reduce` of each block, `finish`.
class SlicedConvolution {
 public:
  /// `slices` must outlive it. Without `data_gradient` there is no `backward_data`.
  SlicedConvolution(EngineKind engine, const ConvolutionGeometry& geometry,
                    const std::vector<Slice>& slices, bool data_gradient);

  /// Weights [out][kernel][kernel][in / groups], biases [out].
  void pack(const float* weights, const float* bias);

  /// x, y, dy and dx begin with the slice.
  void forward(const Slice& slice, const float* x, float* y) const;
  void backward_data(const Slice& slice, const float* dy, float* dx) const;
  void backward_weights(const Slice& slice, const float* x, const float* dy);

  int reduce_blocks() const;
  void reduce(int block);
  /// Writes the gradients of weights and biases, in the layout of `pack`.
  void finish(std::span<float> weights, std::span<float> bias);

 private:
  // Slices are of one size, but for the last where the batch does not divide.
  std::size_t whole_slices() const { return slices_.size() - (rest_ ? 1 : 0); }
  std::pair<const Convolution*, int> at(const Slice& slice) const;

  const std::vector<Slice>& slices_;
  std::unique_ptr<Convolution> whole_, rest_;
  std::size_t outputs_, partial_stride_;
  Buffer partial_weights_, partial_biases_;  // one row a slice
  Buffer unpacked_rest_;
};

}  // namespace bitsweep
