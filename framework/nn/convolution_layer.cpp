// Convolution: each slice of the batch is convolved on one thread; the slices' weight
// gradients are added in slice order.

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "framework/core/error.h"
#include "framework/engine/window_means.h"
#include "framework/nn/initialisers.h"
#include "framework/nn/layer_kinds.h"
#include "framework/nn/weighted_layer.h"

namespace bitsweep {
namespace {

struct ConvolutionParams {
  std::string filters = "1";
  Sides kernel = 3;
  Sides stride = 1;
  Padding pad = 0;
  int groups = 1;
  bool bias = true;
  std::string init = "xavier";
  double init_std = 0.01;

  static Schema<ConvolutionParams> schema() {
    return Schema<ConvolutionParams>{}
        .field("filters", &ConvolutionParams::filters,
               "Output channels: a number, or `classes`.")
        .field("kernel", &ConvolutionParams::kernel, "Size of the kernel.",
               sides_between(1, 64))
        .field("stride", &ConvolutionParams::stride, "Pixels between two outputs.",
               sides_between(1, 64))
        .field("pad", &ConvolutionParams::pad,
               "Zeros around the image; same: as many as give an output for each stride "
               "of it.",
               padding_between(0, 64))
        .field("groups", &ConvolutionParams::groups,
               "Channels are convolved in this many independent groups.",
               between(1, 65536))
        .field("bias", &ConvolutionParams::bias, "Add a bias to each filter.")
        .field("init", &ConvolutionParams::init, "How weights begin.",
               one_of(initialiser_names()))
        .field("init_std", &ConvolutionParams::init_std,
               "Deviation of a gaussian start, bound of a uniform one.",
               between(0.0, 1e6));
  }
};

constexpr std::size_t kReduceBlock = 8192;

class ConvolutionLayer final : public WeightedLayer {
 public:
  ConvolutionLayer(const std::string& name, const ConvolutionParams& params,
                   const ConvolutionGeometry& geometry, Activation& input,
                   LayerContext& context)
      : WeightedLayer(
            name,
            {.weight_shape = {geometry.output.channels, geometry.kernel.height,
                              geometry.kernel.width, geometry.channels_per_group()},
             .fan_in = geometry.kernel.area() * geometry.channels_per_group(),
             .fan_out =
                 geometry.kernel.area() * geometry.output.channels / geometry.groups,
             .bias = params.bias,
             .is_convolution = true,
             .initialiser = params.init,
             .deviation = params.init_std},
            input, geometry.output, context),
        geometry_(geometry) {}

  const char* kind() const override { return "convolution"; }

  std::int64_t multiplications() const override {
    return std::int64_t(geometry_.output.pixels()) * std::int64_t(weight_.value.size());
  }

  void allocate() override {
    WeightedLayer::allocate();
    const auto& slices = context_.slices;
    const auto make = [&](int images, std::size_t slots) {
      return make_convolution(context_.engine, geometry_, images, int(slots),
                              input_.needs_gradient());
    };
    const Slice &first = slices.front(), &last = slices.back();
    whole_ = make(first.images, slices.size());
    if (last.images != first.images) rest_ = make(last.images, 1);
    const std::size_t elements =
        std::max(whole_->weight_gradient_elements(),
                 rest_ ? rest_->weight_gradient_elements() : std::size_t(0));
    partial_stride_ = (elements + 15) / 16 * 16;
    partial_weights_ = Buffer(slices.size() * partial_stride_);
    partial_biases_ = Buffer(slices.size() * bias_.value.size());
    if (rest_) unpacked_rest_ = Buffer(weight_.value.size());
  }

  void pack_parameters() override {
    whole_->pack_weights(effective_weight(), effective_bias());
    if (rest_) rest_->pack_weights(effective_weight(), effective_bias());
  }

  void plan_forward(Program& program, bool training) override {
    plan_input(program, training);
    program.per_slice([this](const Slice& slice) {
      const auto [convolution, slot] = at(slice);
      convolution->forward(slot, input_.values(slice), raw_output(slice));
      quantize_output(slice);
    });
  }

  void plan_backward(Program& program) override {
    const bool to_input = input_.needs_gradient();
    input_.plan_backward();
    program.per_slice([this, to_input](const Slice& slice) {
      quantize_gradient(slice);
      const auto [convolution, slot] = at(slice);
      const float* dy = output_.gradients(slice);
      convolution->backward_weights(
          slot, input_.values(slice), dy,
          partial_weights_.data() + std::size_t(slice.index) * partial_stride_,
          partial_biases_.data() + std::size_t(slice.index) * bias_.value.size());
      if (!to_input) return;
      convolution->backward_data(slot, dy, input_.gradient_target(slice).data());
      input_.finish_gradient(slice);
    });
  }

  int reduce_blocks() const override {
    return int((whole_->weight_gradient_elements() + kReduceBlock - 1) / kReduceBlock);
  }

  // Sums the slices of equal size into the first one's place, in slice order.
  void reduce_gradient(int block) override {
    const std::size_t begin = std::size_t(block) * kReduceBlock;
    const std::size_t end =
        std::min(begin + kReduceBlock, whole_->weight_gradient_elements());
    float* sum = partial_weights_.data();
    for (std::size_t slice = 1; slice < whole_slices(); ++slice) {
      const float* partial = sum + slice * partial_stride_;
      for (std::size_t i = begin; i < end; ++i) sum[i] += partial[i];
    }
  }

  void finish_gradient() override {
    whole_->unpack_weight_gradient(partial_weights_.data(), weight_.gradient.data());
    if (rest_) {
      const float* partial = partial_weights_.data() + whole_slices() * partial_stride_;
      rest_->unpack_weight_gradient(partial, unpacked_rest_.data());
      for (std::size_t i = 0; i < unpacked_rest_.size(); ++i) {
        weight_.gradient[i] += unpacked_rest_[i];
      }
    }
    const std::size_t outputs = bias_.value.size();
    std::copy_n(partial_biases_.data(), outputs, bias_.gradient.data());
    for (std::size_t slice = 1; slice < context_.slices.size(); ++slice) {
      const float* partial = partial_biases_.data() + slice * outputs;
      for (std::size_t c = 0; c < outputs; ++c) bias_.gradient[c] += partial[c];
    }
    WeightedLayer::finish_gradient();
  }

 protected:
  GraphNode product_node() const override {
    return {
        .operation = Operation::kConvolution,
        .window = {geometry_.kernel, geometry_.stride, geometry_.pad, geometry_.groups}};
  }

  void window_means(int images, std::span<const float> pixel_scales,
                    std::span<float> output_scales) const override {
    kernels::window_means(geometry_, images, pixel_scales, output_scales);
  }

 private:
  // Slices are of one size, but for the last where the batch does not divide.
  std::size_t whole_slices() const { return context_.slices.size() - (rest_ ? 1 : 0); }
  std::pair<const Convolution*, int> at(const Slice& slice) const {
    const bool is_rest = rest_ && std::size_t(slice.index) == whole_slices();
    return is_rest ? std::pair<const Convolution*, int>{rest_.get(), 0}
                   : std::pair<const Convolution*, int>{whole_.get(), slice.index};
  }

  ConvolutionGeometry geometry_;
  std::unique_ptr<Convolution> whole_, rest_;
  Buffer partial_weights_, partial_biases_;  // one row a slice
  Buffer unpacked_rest_;
  std::size_t partial_stride_ = 0;
};

// Each input channel has `multiplier` filters of its own.
struct DepthwiseParams {
  int multiplier = 1;
  Sides kernel = 3;
  Sides stride = 1;
  Padding pad = 0;
  bool bias = true;
  std::string init = "xavier";
  double init_std = 0.01;

  static Schema<DepthwiseParams> schema() {
    return Schema<DepthwiseParams>{}
        .field("multiplier", &DepthwiseParams::multiplier,
               "Output channels for each input channel.", between(1, 64))
        .field("kernel", &DepthwiseParams::kernel, "Size of the kernel.",
               sides_between(1, 64))
        .field("stride", &DepthwiseParams::stride, "Pixels between two outputs.",
               sides_between(1, 64))
        .field("pad", &DepthwiseParams::pad,
               "Zeros around the image; same: as many as give an output for each stride "
               "of it.",
               padding_between(0, 64))
        .field("bias", &DepthwiseParams::bias, "Add a bias to each filter.")
        .field("init", &DepthwiseParams::init, "How weights begin.",
               one_of(initialiser_names()))
        .field("init_std", &DepthwiseParams::init_std,
               "Deviation of a gaussian start, bound of a uniform one.",
               between(0.0, 1e6));
  }
};

std::unique_ptr<Layer> make_layer(const LayerSpec& spec, const ConvolutionParams& params,
                                  int filters, Activation& input, LayerContext& context) {
  const Border pad = params.pad.around(input.shape, params.kernel, params.stride);
  check_window(spec, input.shape, params.kernel, pad);
  if (input.shape.channels % params.groups != 0 || filters % params.groups != 0) {
    throw ConfigError(
        fmt::format("{}: {} input channels and {} filters do not divide into {} groups",
                    layer_place(spec), input.shape.channels, filters, params.groups));
  }
  const ConvolutionGeometry geometry{
      .input = input.shape,
      .output =
          convolution_output(input.shape, filters, params.kernel, params.stride, pad),
      .kernel = params.kernel,
      .stride = params.stride,
      .pad = pad,
      .groups = params.groups};
  claim_weights(spec, double(params.kernel.area()) * geometry.channels_per_group(),
                geometry.output, context);
  return std::make_unique<ConvolutionLayer>(spec.name, params, geometry, input, context);
}

}  // namespace

LayerKind convolution_kind() {
  return {"convolution", "Kernels over an image, with groups.",
          ConvolutionParams::schema().fields(),
          [](const LayerSpec& spec, Activation& input, LayerContext& context) {
            const auto params = parse_layer<ConvolutionParams>(spec);
            const int filters = count_of(params.filters, "filters", spec, context);
            return make_layer(spec, params, filters, input, context);
          }};
}

LayerKind depthwise_kind() {
  return {"depthwise", "Kernels over each channel by itself.",
          DepthwiseParams::schema().fields(),
          [](const LayerSpec& spec, Activation& input, LayerContext& context) {
            const auto own = parse_layer<DepthwiseParams>(spec);
            ConvolutionParams params;
            params.kernel = own.kernel;
            params.stride = own.stride;
            params.pad = own.pad;
            params.groups = input.shape.channels;
            params.bias = own.bias;
            params.init = own.init;
            params.init_std = own.init_std;
            const int filters = input.shape.channels * own.multiplier;
            return make_layer(spec, params, filters, input, context);
          }};
}

}  // namespace bitsweep
