#include "framework/nn/sliced_convolution.h"

#include <algorithm>

namespace bitsweep {
namespace {

constexpr std::size_t kReduceBlock = 8192;

}  // namespace

SlicedConvolution::SlicedConvolution(EngineKind engine,
                                     const ConvolutionGeometry& geometry,
                                     const std::vector<Slice>& slices, bool data_gradient)
    : slices_(slices), outputs_(std::size_t(geometry.output.channels)) {
  const auto make = [&](int images, std::size_t slots) {
    return make_convolution(engine, geometry, images, int(slots), data_gradient);
  };
  const Slice &first = slices.front(), &last = slices.back();
  whole_ = make(first.images, slices.size());
  if (last.images != first.images) rest_ = make(last.images, 1);
  const std::size_t elements =
      std::max(whole_->weight_gradient_elements(),
               rest_ ? rest_->weight_gradient_elements() : std::size_t(0));
  partial_stride_ = (elements + 15) / 16 * 16;
  partial_weights_ = Buffer(slices.size() * partial_stride_);
  partial_biases_ = Buffer(slices.size() * outputs_);
  if (rest_) unpacked_rest_ = Buffer(geometry.weight_elements());
}

void SlicedConvolution::pack(const float* weights, const float* bias) {
  whole_->pack_weights(weights, bias);
  if (rest_) rest_->pack_weights(weights, bias);
}

void SlicedConvolution::forward(const Slice& slice, const float* x, float* y) const {
  const auto [convolution, slot] = at(slice);
  convolution->forward(slot, x, y);
}

void SlicedConvolution::backward_data(const Slice& slice, const float* dy,
                                      float* dx) const {
  const auto [convolution, slot] = at(slice);
  convolution->backward_data(slot, dy, dx);
}

void SlicedConvolution::backward_weights(const Slice& slice, const float* x,
                                         const float* dy) {
  const auto [convolution, slot] = at(slice);
  convolution->backward_weights(
      slot, x, dy, partial_weights_.data() + std::size_t(slice.index) * partial_stride_,
      partial_biases_.data() + std::size_t(slice.index) * outputs_);
}

int SlicedConvolution::reduce_blocks() const {
  return int((whole_->weight_gradient_elements() + kReduceBlock - 1) / kReduceBlock);
}

// Sums the slices of equal size into the first one's place, in slice order.
void SlicedConvolution::reduce(int block) {
  const std::size_t begin = std::size_t(block) * kReduceBlock;
  const std::size_t end =
      std::min(begin + kReduceBlock, whole_->weight_gradient_elements());
  float* sum = partial_weights_.data();
  for (std::size_t slice = 1; slice < whole_slices(); ++slice) {
    const float* partial = sum + slice * partial_stride_;
    for (std::size_t i = begin; i < end; ++i) sum[i] += partial[i];
  }
}

void SlicedConvolution::finish(std::span<float> weights, std::span<float> bias) {
  whole_->unpack_weight_gradient(partial_weights_.data(), weights.data());
  if (rest_) {
    const float* partial = partial_weights_.data() + whole_slices() * partial_stride_;
    rest_->unpack_weight_gradient(partial, unpacked_rest_.data());
    for (std::size_t i = 0; i < weights.size(); ++i) weights[i] += unpacked_rest_[i];
  }
  std::copy_n(partial_biases_.data(), outputs_, bias.data());
  for (std::size_t slice = 1; slice < slices_.size(); ++slice) {
    const float* partial = partial_biases_.data() + slice * outputs_;
    for (std::size_t c = 0; c < outputs_; ++c) bias[c] += partial[c];
  }
}

std::pair<const Convolution*, int> SlicedConvolution::at(const Slice& slice) const {
  const bool is_rest = rest_ && std::size_t(slice.index) == whole_slices();
  return is_rest ? std::pair<const Convolution*, int>{rest_.get(), 0}
                 : std::pair<const Convolution*, int>{whole_.get(), slice.index};
}

}  // namespace bitsweep
