#include "framework/nn/weighted_layer.h"

#include <algorithm>
#include <functional>
#include <numeric>

#include <fmt/format.h>

#include "framework/core/error.h"
#include "framework/core/random.h"
#include "framework/nn/initialisers.h"
#include "framework/nn/pruned_site.h"
#include "framework/quant/image_scales.h"
#include "framework/quant/penalised.h"

namespace bitsweep {
namespace {

// Made at run time, or one at each pixel: no step that stands still.
bool has_own_scales(const BoundSite& bound) {
  return bound.pixel_scaled != nullptr ||
         dynamic_cast<const ScalesAtRunTime*>(bound.quantizer.get()) != nullptr;
}

std::size_t product(const std::vector<int>& shape) {
  return std::accumulate(shape.begin(), shape.end(), std::size_t(1),
                         [](std::size_t n, int d) { return n * std::size_t(d); });
}

std::vector<int> shape_of(ImageShape shape) {
  return {shape.height, shape.width, shape.channels};
}

}  // namespace

WeightedLayer::WeightedLayer(std::string name, const Form& form, Activation& input,
                             ImageShape output, LayerContext& context)
    : Layer(std::move(name), context),
      input_(input, context),
      weight_(Parameter::planned(this->name() + "/weight", product(form.weight_shape))),
      bias_(Parameter::planned(this->name() + "/bias", std::size_t(output.channels))),
      form_(form) {
  output_.shape = output;
  output_.makers = {this};
  const std::size_t outputs = std::size_t(output.channels);
  const auto bind = [&](BoundSite& bound, Role role, std::vector<int> shape,
                        ChannelLayout channels) {
    Site& site = bound.site;
    site.layer = this->name();
    site.role = role;
    site.name = this->name() + "/" + role_name(role);
    site.elements = product(shape);
    site.shape = std::move(shape);
    site.channels = channels;
    site.is_convolution = form.is_convolution;
    site.fan_in = form.fan_in;
    site.fan_out = form.fan_out;
    site.seed = context.seed;
  };
  bind(weight_site_, Role::kWeight, form.weight_shape,
       {outputs, weight_.size() / outputs});
  bind(bias_site_, Role::kBias, {output.channels}, {outputs, 1});
  weight_site_.latent = &weight_;
  bias_site_.latent = &bias_;
  bind(input_.site(), Role::kInput, shape_of(input.shape),
       {std::size_t(input.shape.channels), 1});
  bind(output_site_, Role::kOutput, shape_of(output), {outputs, 1});
  output_site_.activation = &output_;
  bind(gradient_site_, Role::kGradient, shape_of(output), {outputs, 1});
}

std::vector<Parameter*> WeightedLayer::parameters() {
  std::vector<Parameter*> all{&weight_};
  if (form_.bias) all.push_back(&bias_);
  for (BoundSite* bound : sites()) {
    if (!bound->is_quantized()) continue;
    for (Parameter* p : bound->quantizer->trainable()) all.push_back(p);
  }
  return all;
}

std::vector<StateTensor> WeightedLayer::state() {
  std::vector<std::int64_t> shape(form_.weight_shape.begin(), form_.weight_shape.end());
  std::vector<StateTensor> state{{weight_.name, shape, weight_.value.span()}};
  if (form_.bias) {
    state.push_back({bias_.name, {std::int64_t(bias_.value.size())}, bias_.value.span()});
  }
  return state;
}

std::vector<BoundSite*> WeightedLayer::sites() {
  std::vector<BoundSite*> sites{&weight_site_, &input_.site(), &output_site_,
                                &gradient_site_};
  if (form_.bias) sites.push_back(&bias_site_);
  return sites;
}

void WeightedLayer::give_bias() {
  form_.bias = true;
  bias_site_.is_awake = weight_site_.is_awake;
}

// A bias quantizer that follows the product is told of its grids; where these give no
// step, the bias stays in float.
void WeightedLayer::bind_bias() {
  if (bias_site_.follows_product == nullptr) return;
  const BoundSite& inputs = input_.site().source();
  const bool has_step =
      inputs.is_quantized() && weight_site_.is_quantized() && !has_own_scales(inputs) &&
      !product_scales(inputs.quantizer->grid(), weight_site_.quantizer->grid(),
                      std::size_t(output_.shape.channels))
           .empty();
  if (!has_step) {
    bias_site_.follows_product = nullptr;
    bias_site_.quantizer.reset();
    return;
  }
  bias_site_.product_inputs = &inputs;
  bias_site_.product_weights = &weight_site_;
}

// Quantizers around the product are nodes of their own.
void WeightedLayer::describe(GraphBuilder& builder) {
  GraphNode product = product_node();
  product.name = name();
  product.inputs = {input_.describe(builder)};
  product.output = output_.shape;
  const Window window = product.window;
  int value = builder.add(std::move(product));
  if (scales_pixels()) {
    value = builder.add({.operation = Operation::kPixelScale,
                         .name = name() + "/pixel_scale",
                         .inputs = {value, builder.value_of(input())},
                         .output = output_.shape,
                         .window = window});
  }
  if (output_site_.is_active()) {
    value = builder.add({.operation = Operation::kQuantize,
                         .name = output_site_.site.name,
                         .inputs = {value},
                         .output = output_.shape});
  }
  builder.define(output_, value);
}

void WeightedLayer::draw_weights() {
  weight_.allocate();
  bias_.allocate();
  initialise(form_.initialiser, form_.deviation, form_.fan_in, form_.fan_out,
             RandomStream(std::uint64_t(context_.seed), weight_.name),
             weight_.value.span());
}

void WeightedLayer::allocate() {
  if (weight_.value.empty()) draw_weights();
  for (BoundSite* bound : {&weight_site_, &bias_site_}) {
    auto* const adopts = optional_interface<AdoptsLatent>(bound->quantizer.get());
    if (adopts != nullptr) adopts->adopt(*bound->latent);
  }
  bind_bias();
  const std::size_t batch = std::size_t(context_.batch);
  if (weight_site_.is_quantized()) weight_site_.quantized = Buffer(weight_.value.size());
  if (bias_site_.is_quantized()) bias_site_.quantized = Buffer(bias_.value.size());
  input_.allocate();
  if (output_site_.is_quantized()) {
    output_site_.raw = Buffer(batch * output_.shape.elements());
  }
  if (scales_pixels()) output_scales_ = Buffer(batch * output_.shape.pixels());
  if (has_source()) {
    latent_product_ = Buffer(batch * output_.shape.elements());
    no_bias_ = Buffer(bias_.value.size());
    weight_site_.from_source = Buffer(weight_.value.size());
  }
  for (BoundSite* bound : {&weight_site_, &bias_site_}) {
    if (bound->is_quantized()) bound->size_sums(1);
  }
  for (BoundSite* bound : {&output_site_, &gradient_site_}) {
    if (bound->is_quantized()) bound->size_sums(context_.slices.size());
  }
}

void WeightedLayer::set_source(WeightSource* source) {
  if (source != nullptr) refuse_source_where_quantized();
  source_ = source;
  weight_site_.from_source = Buffer();
}

void WeightedLayer::refuse_source_where_quantized() const {
  const auto refuse = [](const BoundSite& bound, const char* why) {
    throw ConfigError(fmt::format(
        "{}: method '{}' {}; batch normalisation cannot be folded into such a layer "
        "while it is trained: leave the folding out (fold_batch_norm: false)",
        bound.site.name, bound.method, why));
  };
  const Quantizer* own = weight_site_.quantizer.get();
  if (optional_interface<ChangesLatent>(own) || optional_interface<HasStages>(own)) {
    refuse(weight_site_, "changes the weights themselves");
  }
  if (output_site_.is_quantized()) {
    refuse(output_site_, "quantizes what is to be normalised");
  }
  if (scales_pixels()) refuse(input_.site(), "scales each pixel");
}

void WeightedLayer::make_source() {
  if (has_source()) source_->make(weight_.value.span(), weight_site_.from_source.span());
}

std::span<float> WeightedLayer::latent_product(const Slice& slice) {
  return latent_product_.span().subspan(output_.offset(slice), output_.elements(slice));
}

void WeightedLayer::show_inputs() {
  const Buffer& values = input_.activation().value;
  const std::size_t elements = input_.activation().shape.elements();
  std::vector<float> rows;
  for (int image = 0; image < context_.batch; ++image) {
    add_inputs(values.data() + std::size_t(image) * elements, rows);
  }
  at_site(weight_site_, [&] { weight_site_.sees_inputs->see_inputs(rows); });
}

void WeightedLayer::quantize_parameters() {
  const auto quantize = [this](BoundSite& bound) {
    if (!active(bound)) return;
    const bool passes = bound.follows_product != nullptr && context_.state.pass.training;
    at_site(bound, [&] {
      if (!passes) bound.prepare(bound.before());
      bound.quantizer->forward(bound.before(), bound.quantized.span(),
                               context_.state.pass);
    });
    clear_pruned(bound, bound.quantized.span());
  };
  make_source();
  quantize(weight_site_);
  if (!has_source()) quantize(bias_site_);
}

void WeightedLayer::finish_gradient() {
  const auto through = [this](BoundSite& bound, Parameter& latent) {
    clear_pruned(bound, latent.gradient.span());
    if (!active(bound)) return;
    std::fill(bound.sums.begin(), bound.sums.end(), 0.0);
    at_site(bound, [&] {
      bound.quantizer->backward(bound.before(), latent.gradient.span(),
                                latent.gradient.span(), bound.slice_sums(0),
                                context_.state.pass);
      if (const auto* own = optional_interface<Penalised>(bound.quantizer.get())) {
        own->add_penalty_gradient(bound.before(), latent.gradient.span());
      }
    });
    clear_pruned(bound, latent.gradient.span());
    bound.finish_sums();
  };
  through(weight_site_, weight_);
  if (has_source()) {
    source_->backward(weight_, bias_);
    if (needs_latent_product()) add_latent_gradient();
    clear_pruned(weight_site_, weight_.gradient.span());
  } else if (form_.bias) {
    through(bias_site_, bias_);
  }
  for (BoundSite* bound : {&input_.site(), &output_site_}) {
    if (active(*bound)) bound->finish_sums();
  }
}

const float* WeightedLayer::effective_weight() const {
  return active(weight_site_) ? weight_site_.quantized.data()
                              : weight_site_.before().data();
}

const float* WeightedLayer::effective_bias() const {
  if (has_source()) return no_bias_.data();
  return active(bias_site_) ? bias_site_.quantized.data() : bias_.value.data();
}

Pass WeightedLayer::pass_for_output(const Slice& slice) const {
  Pass pass = context_.state.pass;
  pass.offset = output_.offset(slice);
  pass.images = std::size_t(slice.images);
  return pass;
}

void WeightedLayer::plan_input(Program& program, bool training) {
  input_.plan_forward(program, training);
  if (!scales_pixels()) return;
  program.per_slice([this](const Slice& slice) {
    if (!input_.is_active()) return;
    const std::size_t pixels = output_.shape.pixels();
    window_means(slice.images, input_.pixel_scales(slice),
                 output_scales_.span().subspan(std::size_t(slice.begin) * pixels,
                                               std::size_t(slice.images) * pixels));
  });
}

void WeightedLayer::apply_scales(const Slice& slice, float* values) const {
  if (output_scales_.size() == 0 || !input_.is_active()) return;
  const std::size_t pixels = output_.shape.pixels();
  const std::size_t channels = std::size_t(output_.shape.channels);
  const float* k = output_scales_.data() + std::size_t(slice.begin) * pixels;
  for (std::size_t p = 0; p < std::size_t(slice.images) * pixels; ++p) {
    const float own = k[p];
    float* const pixel = values + p * channels;
#pragma GCC ivdep
    for (std::size_t c = 0; c < channels; ++c) pixel[c] *= own;
  }
}

float* WeightedLayer::raw_output(const Slice& slice) {
  return active(output_site_) ? output_site_.raw.data() + output_.offset(slice)
                              : output_.values(slice);
}

void WeightedLayer::quantize_output(const Slice& slice) {
  apply_scales(slice, raw_output(slice));
  if (!active(output_site_)) return;
  const std::size_t count = output_.elements(slice);
  if (!context_.state.pass.training) {
    const int images = std::min(slice.images, context_.state.images - slice.begin);
    refuse_lost_values(
        output_site_, {raw_output(slice), std::size_t(images) * output_.shape.elements()},
        slice.begin, "in evaluation");
  }
  at_site(output_site_, [&] {
    output_site_.quantizer->forward({raw_output(slice), count},
                                    {output_.values(slice), count},
                                    pass_for_output(slice));
  });
}

void WeightedLayer::quantize_gradient(const Slice& slice) {
  const std::span<float> dy{output_.gradients(slice), output_.elements(slice)};
  const Pass pass = pass_for_output(slice);
  if (active(output_site_)) {
    const auto sums = output_site_.slice_sums(slice.index);
    std::fill(sums.begin(), sums.end(), 0.0);
    at_site(output_site_, [&] {
      output_site_.quantizer->backward({raw_output(slice), dy.size()}, dy, dy, sums,
                                       pass);
    });
  }
  apply_scales(slice, dy.data());
  if (!active(gradient_site_)) return;
  at_site(gradient_site_, [&] { gradient_site_.quantizer->forward(dy, dy, pass); });
}

}  // namespace bitsweep
