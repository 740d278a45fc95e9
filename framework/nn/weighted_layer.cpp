#include "framework/nn/weighted_layer.h"

#include <algorithm>
#include <functional>
#include <numeric>

#include "framework/core/error.h"
#include "framework/core/random.h"
#include "framework/nn/initialisers.h"
#include "framework/nn/pruned_site.h"
#include "framework/quant/penalised.h"

namespace bitsweep {
namespace {

std::size_t product(const std::vector<int>& shape) {
  return std::accumulate(shape.begin(), shape.end(), std::size_t(1),
                         [](std::size_t n, int d) { return n * std::size_t(d); });
}

std::vector<int> shape_of(ImageShape shape) {
  return {shape.height, shape.width, shape.channels};
}

void size_sums(BoundSite& site, std::size_t slices) {
  site.sum_count = 0;
  for (const Parameter* p : site.quantizer->trainable())
    site.sum_count += p->value.size();
  site.sums.assign(slices * site.sum_count, 0.0);
}

// Adds up the slices' rows in their order and hands the total on.
void finish_site(BoundSite& site) {
  if (site.sum_count == 0) return;
  const auto total = site.slice_sums(0);
  const std::size_t slices = site.sums.size() / site.sum_count;
  for (std::size_t slice = 1; slice < slices; ++slice) {
    const auto row = site.slice_sums(int(slice));
    for (std::size_t i = 0; i < total.size(); ++i) total[i] += row[i];
  }
  at_site(site, [&] { site.quantizer->finish_gradient(total); });
}

}  // namespace

WeightedLayer::WeightedLayer(std::string name, const Form& form, Activation& input,
                             ImageShape output, LayerContext& context)
    : Layer(std::move(name), context),
      input_(&input),
      weight_(this->name() + "/weight", product(form.weight_shape)),
      bias_(this->name() + "/bias", std::size_t(output.channels)),
      form_(form) {
  output_.shape = output;
  initialise(form.initialiser, form.deviation, form.fan_in, form.fan_out,
             RandomStream(std::uint64_t(context.seed), weight_.name),
             weight_.value.span());

  const std::size_t outputs = std::size_t(output.channels);
  Site common;
  common.layer = this->name();
  common.is_convolution = form.is_convolution;
  common.fan_in = form.fan_in;
  common.fan_out = form.fan_out;
  common.seed = context.seed;

  const auto bind = [&](BoundSite& bound, Role role, std::vector<int> shape,
                        ChannelLayout channels) {
    bound.site = common;
    bound.site.role = role;
    bound.site.name = this->name() + "/" + role_name(role);
    bound.site.elements = product(shape);
    bound.site.shape = std::move(shape);
    bound.site.channels = channels;
  };
  bind(weight_site_, Role::kWeight, form.weight_shape,
       {outputs, weight_.value.size() / outputs});
  bind(bias_site_, Role::kBias, {output.channels}, {outputs, 1});
  weight_site_.latent = &weight_;
  bias_site_.latent = &bias_;
  bind(input_site_, Role::kInput, shape_of(input.shape),
       {std::size_t(input.shape.channels), 1});
  bind(output_site_, Role::kOutput, shape_of(output), {outputs, 1});
  bind(gradient_site_, Role::kGradient, shape_of(output), {outputs, 1});
  input_site_.site.is_signed = input.is_signed;
  input_site_.site.is_image = input.is_image;
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
  std::vector<BoundSite*> sites{&weight_site_, &input_site_, &output_site_,
                                &gradient_site_};
  if (form_.bias) sites.push_back(&bias_site_);
  return sites;
}

// Quantizers around the product are nodes of their own.
void WeightedLayer::describe(GraphBuilder& builder) {
  const auto quantized = [&](const BoundSite& bound, int value, ImageShape shape) {
    if (!bound.is_quantized()) return value;
    return builder.add({.operation = Operation::kQuantize,
                        .name = bound.site.name,
                        .inputs = {value},
                        .output = shape});
  };
  const int input = builder.value_of(*input_);
  GraphNode product = product_node();
  product.name = name();
  product.inputs = {quantized(input_site_, input, input_->shape)};
  product.output = output_.shape;
  const Window window = product.window;
  int value = builder.add(std::move(product));
  if (scales_pixels()) {
    value = builder.add({.operation = Operation::kPixelScale,
                         .name = name() + "/pixel_scale",
                         .inputs = {value, input},
                         .output = output_.shape,
                         .window = window});
  }
  builder.define(output_, quantized(output_site_, value, output_.shape));
}

std::span<const float> WeightedLayer::before_quantizer(const BoundSite& bound) const {
  switch (bound.site.role) {
    case Role::kInput:
      return input_->value.span();
    case Role::kOutput:
      return raw_output_.span();
    default:
      ensure(bound.latent != nullptr, "gradients are quantized in place");
      return bound.latent->value.span();
  }
}

void WeightedLayer::allocate() {
  const std::size_t batch = std::size_t(context_.batch);
  if (weight_site_.is_quantized()) weight_site_.quantized = Buffer(weight_.value.size());
  if (bias_site_.is_quantized()) bias_site_.quantized = Buffer(bias_.value.size());
  if (input_site_.is_quantized()) {
    input_site_.quantized = Buffer(batch * input_->shape.elements());
  }
  if (output_site_.is_quantized()) raw_output_ = Buffer(batch * output_.shape.elements());
  if (scales_pixels()) {
    pixel_scales_ = Buffer(batch * input_pixels());
    output_scales_ = Buffer(batch * output_.shape.pixels());
  }
  for (BoundSite* bound : sites()) {
    if (!bound->is_quantized()) continue;
    const bool whole = bound == &weight_site_ || bound == &bias_site_;
    size_sums(*bound, whole ? 1 : context_.slices.size());
  }
}

void WeightedLayer::quantize_parameters() {
  const auto quantize = [this](BoundSite& bound, const Parameter& latent) {
    if (!active(bound)) return;
    at_site(bound, [&] {
      bound.quantizer->prepare(latent.value.span());
      bound.quantizer->forward(latent.value.span(), bound.quantized.span(),
                               context_.state.pass);
    });
    clear_pruned(bound, bound.quantized.span());
  };
  quantize(weight_site_, weight_);
  quantize(bias_site_, bias_);
}

void WeightedLayer::finish_gradient() {
  const auto through = [this](BoundSite& bound, Parameter& latent) {
    clear_pruned(bound, latent.gradient.span());
    if (!active(bound)) return;
    std::fill(bound.sums.begin(), bound.sums.end(), 0.0);
    at_site(bound, [&] {
      bound.quantizer->backward(latent.value.span(), latent.gradient.span(),
                                latent.gradient.span(), bound.slice_sums(0),
                                context_.state.pass);
      if (const auto* own = optional_interface<Penalised>(bound.quantizer.get())) {
        own->add_penalty_gradient(latent.value.span(), latent.gradient.span());
      }
    });
    clear_pruned(bound, latent.gradient.span());
    finish_site(bound);
  };
  through(weight_site_, weight_);
  if (form_.bias) through(bias_site_, bias_);
  for (BoundSite* bound : {&input_site_, &output_site_}) {
    if (active(*bound)) finish_site(*bound);
  }
}

const float* WeightedLayer::effective_weight() const {
  return active(weight_site_) ? weight_site_.quantized.data() : weight_.value.data();
}

const float* WeightedLayer::effective_bias() const {
  return active(bias_site_) ? bias_site_.quantized.data() : bias_.value.data();
}

const float* WeightedLayer::effective_input(const Slice& slice) {
  return whole_effective_input() + input_->offset(slice);
}

const float* WeightedLayer::whole_effective_input() {
  return active(input_site_) ? input_site_.quantized.data() : input_->value.data();
}

bool WeightedLayer::needs_input_gradient() const {
  return input_->needs_gradient || input_site_.sum_count > 0;
}

Pass WeightedLayer::pass_for(const Activation& activation, const Slice& slice) const {
  Pass pass = context_.state.pass;
  pass.offset = activation.offset(slice);
  pass.images = std::size_t(slice.images);
  return pass;
}

void WeightedLayer::quantize_input(const Slice& slice) {
  if (!active(input_site_)) return;
  const std::size_t offset = input_->offset(slice), count = input_->elements(slice);
  at_site(input_site_, [&] {
    input_site_.quantizer->forward({input_->value.data() + offset, count},
                                   {input_site_.quantized.data() + offset, count},
                                   pass_for(*input_, slice));
  });
  if (scales_pixels()) measure_scales(slice);
}

// A fully connected layer's input is one pixel.
std::size_t WeightedLayer::input_pixels() const {
  return form_.is_convolution ? input_->shape.pixels() : 1;
}

void WeightedLayer::measure_scales(const Slice& slice) {
  const std::size_t begin = std::size_t(slice.begin), images = std::size_t(slice.images);
  const auto part = [&](Buffer& scales, std::size_t pixels) {
    return scales.span().subspan(begin * pixels, images * pixels);
  };
  const auto a = part(pixel_scales_, input_pixels());
  input_site_.pixel_scaled->pixel_scales({input_->values(slice), input_->elements(slice)},
                                         a, pass_for(*input_, slice));
  window_means(slice.images, a, part(output_scales_, output_.shape.pixels()));
}

void WeightedLayer::apply_scales(const Slice& slice, float* values) const {
  if (output_scales_.size() == 0 || !active(input_site_)) return;
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
  return active(output_site_) ? raw_output_.data() + output_.offset(slice)
                              : output_.values(slice);
}

void WeightedLayer::quantize_output(const Slice& slice) {
  apply_scales(slice, raw_output(slice));
  if (!active(output_site_)) return;
  const std::size_t count = output_.elements(slice);
  at_site(output_site_, [&] {
    output_site_.quantizer->forward({raw_output(slice), count},
                                    {output_.values(slice), count},
                                    pass_for(output_, slice));
  });
}

void WeightedLayer::quantize_gradient(const Slice& slice) {
  const std::span<float> dy{output_.gradients(slice), output_.elements(slice)};
  const Pass pass = pass_for(output_, slice);
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

void WeightedLayer::finish_data_gradient(const GradientSink& sink, const Slice& slice) {
  const auto dx = sink.target(slice);
  if (active(input_site_)) {
    const auto sums = input_site_.slice_sums(slice.index);
    std::fill(sums.begin(), sums.end(), 0.0);
    at_site(input_site_, [&] {
      input_site_.quantizer->backward({input_->values(slice), dx.size()}, dx, dx, sums,
                                      pass_for(*input_, slice));
    });
  }
  sink.finish(slice);
}

}  // namespace bitsweep
