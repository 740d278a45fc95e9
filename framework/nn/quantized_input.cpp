#include "framework/nn/quantized_input.h"

#include <algorithm>

#include "framework/engine/elementwise.h"

namespace bitsweep {

QuantizedInput::QuantizedInput(Activation& input, LayerContext& context)
    : input_(&input), context_(context) {
  const ImageShape shape = input.shape;
  bound_.activation = &input;
  bound_.site.elements = shape.elements();
  bound_.site.shape = {shape.height, shape.width, shape.channels};
  bound_.site.channels = {std::size_t(shape.channels), 1};
  bound_.site.is_signed = input.is_signed;
  bound_.site.is_image = input.is_image;
  bound_.site.seed = context.seed;
}

void QuantizedInput::allocate() {
  if (!bound_.is_quantized()) return;
  const std::size_t batch = std::size_t(context_.batch);
  const std::size_t slices = context_.slices.size();
  bound_.quantized = Buffer(batch * input_->shape.elements());
  if (bound_.pixel_scaled != nullptr) bound_.pixel_scales = Buffer(batch * pixels());
  bound_.size_sums(slices);
  if (bound_.follows_batches != nullptr) {
    bound_.measures.resize(slices * bound_.follows_batches->measures());
  }
  if (!bound_.meeting) return;
  bound_.meeting->needs_gradient = needs_gradient();
  if (needs_gradient()) bound_.meeting->gradient = Buffer(bound_.quantized.size());
}

int QuantizedInput::describe(GraphBuilder& builder) {
  const BoundSite& source = bound_.source();
  const int raw = builder.value_of(*input_);
  if (!source.is_active()) return raw;
  if (bound_.leader != nullptr) return builder.value_of(*source.meeting);
  const int value = builder.add({.operation = Operation::kQuantize,
                                 .name = bound_.site.name,
                                 .inputs = {raw},
                                 .output = input_->shape});
  if (bound_.meeting) builder.define(*bound_.meeting, value);
  return value;
}

void QuantizedInput::plan_forward(Program& program, bool training) {
  if (!bound_.is_quantized()) return;
  FollowsBatches* const follows = bound_.follows_batches;
  if (follows != nullptr && (training || follows->follows_evaluation())) {
    plan_measures(program);
  }
  program.per_slice([this](const Slice& slice) { quantize(slice); });
}

// The whole batch is measured before any of it is quantized.
void QuantizedInput::plan_measures(Program& program) {
  program.per_slice([this](const Slice& slice) {
    if (!measures_now()) return;
    const std::size_t count = bound_.follows_batches->measures();
    const std::span row(bound_.measures.data() + std::size_t(slice.index) * count, count);
    at_site(bound_, [&] {
      bound_.follows_batches->measure({input_->values(slice), counted(slice)}, row);
    });
  });
  program.once([this] {
    if (!measures_now()) return;
    std::size_t slices = 0;  // that were run
    for (const Slice& slice : context_.slices) {
      slices += slice.begin < context_.state.images;
    }
    const std::span<const double> rows(bound_.measures.data(),
                                       slices * bound_.follows_batches->measures());
    at_site(bound_, [&] { bound_.follows_batches->follow(rows); });
  });
}

bool QuantizedInput::measures_now() const {
  const bool is_asked =
      context_.state.pass.training || bound_.follows_batches->follows_evaluation();
  return is_asked && bound_.is_awake && context_.state.quantizing;
}

// Values of the slice's images that count.
std::size_t QuantizedInput::counted(const Slice& slice) const {
  const int images = std::min(slice.images, context_.state.images - slice.begin);
  return std::size_t(images) * input_->shape.elements();
}

void QuantizedInput::quantize(const Slice& slice) {
  if (!is_active()) return;
  const std::span<const float> x{input_->values(slice), input_->elements(slice)};
  const std::span<float> y{bound_.quantized.data() + input_->offset(slice), x.size()};
  if (!context_.state.pass.training) {
    refuse_lost_values(bound_, x.first(counted(slice)), slice.begin, "in evaluation");
  }
  at_site(bound_, [&] { bound_.quantizer->forward(x, y, pass_for(slice)); });
  if (bound_.pixel_scaled == nullptr) return;
  const auto a = bound_.pixel_scales.span().subspan(std::size_t(slice.begin) * pixels(),
                                                    std::size_t(slice.images) * pixels());
  bound_.pixel_scaled->pixel_scales(x, a, pass_for(slice));
}

const float* QuantizedInput::values() const {
  return is_active() ? bound_.source().quantized.data() : input_->value.data();
}

std::span<const float> QuantizedInput::pixel_scales(const Slice& slice) const {
  return bound_.source().pixel_scales.span().subspan(
      std::size_t(slice.begin) * pixels(), std::size_t(slice.images) * pixels());
}

void QuantizedInput::plan_backward() {
  if (!needs_gradient()) return;
  if (Activation* const meeting = bound_.source().meeting.get()) {
    to_meeting_ = GradientSink(*meeting, context_);
  }
  if (bound_.leader == nullptr) to_input_ = GradientSink(*input_, context_);
}

std::span<float> QuantizedInput::gradient_target(const Slice& slice) const {
  return (bound_.source().meeting ? to_meeting_ : to_input_).target(slice);
}

void QuantizedInput::finish_gradient(const Slice& slice) {
  Activation* const meeting = bound_.source().meeting.get();
  if (meeting != nullptr) to_meeting_.finish(slice);
  if (bound_.leader != nullptr) return;  // the leader hands it on
  const auto dx = to_input_.target(slice);
  std::span<const float> dy = dx;
  if (meeting != nullptr) dy = {meeting->gradients(slice), dx.size()};
  if (is_active()) {
    const auto sums = bound_.slice_sums(slice.index);
    std::fill(sums.begin(), sums.end(), 0.0);
    at_site(bound_, [&] {
      bound_.quantizer->backward({input_->values(slice), dx.size()}, dy, dx, sums,
                                 pass_for(slice));
    });
  } else if (meeting != nullptr) {
    kernels::copy(dy, dx);
  }
  to_input_.finish(slice);
}

bool QuantizedInput::has_to_finish() const {
  return is_quantized() || !to_input_.is_direct();
}

// A fully connected layer's input is one pixel.
std::size_t QuantizedInput::pixels() const {
  return bound_.site.is_convolution ? input_->shape.pixels() : 1;
}

Pass QuantizedInput::pass_for(const Slice& slice) const {
  Pass pass = context_.state.pass;
  pass.offset = input_->offset(slice);
  pass.images = std::size_t(slice.images);
  return pass;
}

}  // namespace bitsweep
