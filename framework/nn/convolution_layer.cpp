// Convolution layers: of all channels, in groups, of each channel by itself.

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "framework/core/error.h"
#include "framework/core/random.h"
#include "framework/engine/elementwise.h"
#include "framework/engine/patch.h"
#include "framework/engine/window_means.h"
#include "framework/nn/initialisers.h"
#include "framework/nn/layer_kinds.h"
#include "framework/nn/sliced_convolution.h"
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
    return std::int64_t(geometry_.output.pixels()) * std::int64_t(weight_.size());
  }

  void allocate() override {
    WeightedLayer::allocate();
    const auto make = [this](std::optional<SlicedConvolution>& product) {
      product.emplace(context_.engine, geometry_, context_.slices,
                      input_.needs_gradient());
    };
    make(product_);
    if (!has_source()) return;
    make(of_latent_);
    latent_weight_gradient_ = Buffer(weight_.value.size());
    latent_bias_gradient_ = Buffer(bias_.value.size());
    if (!input_.needs_gradient()) return;
    latent_input_gradient_ =
        Buffer(std::size_t(context_.batch) * input().shape.elements());
  }

  void pack_parameters() override {
    product_->pack(effective_weight(), effective_bias());
    if (of_latent_) of_latent_->pack(weight_.value.data(), bias_.value.data());
  }

  void plan_forward(Program& program, bool training) override {
    plan_input(program, training);
    program.per_slice([this, training](const Slice& slice) {
      if (training && needs_latent_product()) {
        of_latent_->forward(slice, input_.values(slice), latent_product(slice).data());
      }
      product_->forward(slice, input_.values(slice), raw_output(slice));
      quantize_output(slice);
    });
  }

  void plan_backward(Program& program) override {
    const bool to_input = input_.needs_gradient();
    input_.plan_backward();
    program.per_slice([this, to_input](const Slice& slice) {
      quantize_gradient(slice);
      const float* dy = output_.gradients(slice);
      product_->backward_weights(slice, input_.values(slice), dy);
      if (to_input) {
        product_->backward_data(slice, dy, input_.gradient_target(slice).data());
      }
      if (needs_latent_product()) latent_backward(slice, to_input);
      if (to_input) input_.finish_gradient(slice);
    });
  }

  int reduce_blocks() const override {
    return product_->reduce_blocks() * (of_latent_ ? 2 : 1);
  }
  void reduce_gradient(int block) override {
    const int own = product_->reduce_blocks();
    if (block < own) return product_->reduce(block);
    if (needs_latent_product()) of_latent_->reduce(block - own);
  }
  void finish_gradient() override {
    product_->finish(weight_.gradient.span(), bias_.gradient.span());
    WeightedLayer::finish_gradient();
  }

 protected:
  GraphNode product_node() const override {
    return {
        .operation = Operation::kConvolution,
        .window = {geometry_.kernel, geometry_.stride, geometry_.pad, geometry_.groups}};
  }

  // Patches drawn from the image, of each group in turn.
  void add_inputs(const float* image, std::vector<float>& rows) const override {
    constexpr std::size_t kPatches = 32;
    const RandomStream draws(std::uint64_t(context_.seed), name() + "/patches");
    const std::size_t size = weight_.size() / std::size_t(geometry_.output.channels);
    const std::size_t pixels = geometry_.output.pixels();
    for (std::size_t i = 0; i < std::min(kPatches, pixels); ++i) {
      const auto row = std::uint32_t(rows.size() / size);
      const auto pixel = std::size_t(draws.uniform_at(row) * double(pixels));
      rows.resize(rows.size() + size);
      kernels::copy_patch(geometry_, image, int(std::min(pixel, pixels - 1)),
                          int(row) % geometry_.groups, std::span(rows).last(size));
    }
  }

  void window_means(int images, std::span<const float> pixel_scales,
                    std::span<float> output_scales) const override {
    kernels::window_means(geometry_, images, pixel_scales, output_scales);
  }

 private:
  void latent_backward(const Slice& slice, bool to_input) {
    make_latent_gradient(slice);
    const float* du = latent_product(slice).data();
    of_latent_->backward_weights(slice, input_.values(slice), du);
    if (!to_input) return;
    const auto dx = input_.gradient_target(slice);
    float* const more = latent_input_gradient_.data() +
                        std::size_t(slice.begin) * input().shape.elements();
    of_latent_->backward_data(slice, du, more);
    kernels::add_into({more, dx.size()}, dx);
  }

  void add_latent_gradient() override {
    of_latent_->finish(latent_weight_gradient_.span(), latent_bias_gradient_.span());
    kernels::add_into(latent_weight_gradient_.span(), weight_.gradient.span());
  }

  ConvolutionGeometry geometry_;
  std::optional<SlicedConvolution> product_;
  std::optional<SlicedConvolution> of_latent_;  // where the weights have a source
  Buffer latent_weight_gradient_, latent_bias_gradient_, latent_input_gradient_;
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
