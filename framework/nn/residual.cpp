#include "framework/nn/residual.h"

#include <algorithm>

#include "framework/nn/layer_kinds.h"

namespace bitsweep {
namespace {

struct ResidualParams {
  std::string shortcut = "identity";

  static Schema<ResidualParams> schema() {
    return Schema<ResidualParams>{}.field("shortcut", &ResidualParams::shortcut,
                                          "What is added to the body's output.",
                                          one_of({"identity", "padded", "projected"}));
  }
};

class PadShortcut final : public Layer {
 public:
  PadShortcut(const std::string& name, Activation& input, ImageShape output,
              LayerContext& context)
      : Layer(name, context),
        input_(&input),
        stride_(input.shape.height / output.height, input.shape.width / output.width),
        pad_((output.channels - input.shape.channels) / 2) {
    output_.shape = output;
    output_.makers = input.makers;
    output_.is_signed = input.is_signed;
  }

  const char* kind() const override { return "shortcut"; }

  void describe(GraphBuilder& builder) override {
    builder.define(output_, builder.add({.operation = Operation::kPadShortcut,
                                         .name = name(),
                                         .inputs = {builder.value_of(*input_)},
                                         .output = output_.shape,
                                         .window = {.stride = stride_},
                                         .zero_channels = pad_}));
  }

  void plan_forward(Program& program, bool) override {
    program.per_slice([this](const Slice& slice) {
      float* y = output_.values(slice);
      std::fill_n(y, output_.elements(slice), 0.0f);
      for_each_pixel(slice, [&](std::size_t from, std::size_t to) {
        std::copy_n(input_->values(slice) + from, input_->shape.channels, y + to + pad_);
      });
    });
  }

  void plan_backward(Program& program) override {
    if (!input_->needs_gradient) return;
    const bool add = input_->claim_gradient();
    program.per_slice([this, add](const Slice& slice) {
      float* dx = input_->gradients(slice);
      const float* dy = output_.gradients(slice);
      if (!add) std::fill_n(dx, input_->elements(slice), 0.0f);
      for_each_pixel(slice, [&](std::size_t to, std::size_t from) {
        for (int c = 0; c < input_->shape.channels; ++c)
          dx[to + c] += dy[from + pad_ + c];
      });
    });
  }

 private:
  // visit(offset of an input pixel, offset of its output pixel) within the slice.
  template <class Visit>
  void for_each_pixel(const Slice& slice, Visit visit) const {
    const ImageShape &in = input_->shape, &out = output_.shape;
    for (int image = 0; image < slice.images; ++image) {
      for (int row = 0; row < out.height; ++row) {
        for (int column = 0; column < out.width; ++column) {
          const std::size_t from =
              (std::size_t(image) * in.height + row * stride_.height) * in.width +
              std::size_t(column) * stride_.width;
          const std::size_t to =
              (std::size_t(image) * out.height + row) * out.width + column;
          visit(from * in.channels, to * out.channels);
        }
      }
    }
  }

  Activation* input_;
  Sides stride_;
  int pad_;
};

}  // namespace

std::vector<std::unique_ptr<Layer>> make_shortcut(const LayerSpec& spec,
                                                  Activation& input, ImageShape output,
                                                  LayerContext& context) {
  const auto params = parse_layer<ResidualParams>(spec);
  const ImageShape in = input.shape;
  std::vector<std::unique_ptr<Layer>> layers;
  const auto refuse = [&](const char* reason) {
    throw ConfigError(
        fmt::format("{}: the {} shortcut takes {}x{}x{} to {}x{}x{}, but {}",
                    layer_place(spec), params.shortcut, in.height, in.width, in.channels,
                    output.height, output.width, output.channels, reason));
  };
  if (in == output && params.shortcut != "projected") return layers;
  if (params.shortcut == "identity") {
    refuse("identity needs equal shapes; use padded or projected");
  }
  const Sides stride{std::max(1, in.height / output.height),
                     std::max(1, in.width / output.width)};
  const auto shrunk = [](int size, int by) { return (size + by - 1) / by; };
  if (shrunk(in.height, stride.height) != output.height ||
      shrunk(in.width, stride.width) != output.width) {
    refuse("the height and width must shrink by one whole stride");
  }
  if (params.shortcut == "padded") {
    if (output.channels < in.channels || (output.channels - in.channels) % 2 != 0) {
      refuse("zero channels can only be added in pairs");
    }
    layers.push_back(
        std::make_unique<PadShortcut>(spec.name + "/shortcut", input, output, context));
    return layers;
  }
  const auto word = [](auto value) { return RawValue::scalar(fmt::format("{}", value)); };
  LayerSpec projection{
      .name = spec.name + "/projection",
      .kind = "convolution",
      .params = {{"filters", word(output.channels)},
                 {"kernel", word(1)},
                 {"stride", RawValue::list({fmt::format("{}", stride.height),
                                            fmt::format("{}", stride.width)})},
                 {"bias", word(false)},
                 {"init", word("he")}},
      .body = {},
      .place = spec.place};
  layers.push_back(convolution_kind().make(projection, input, context));
  LayerSpec norm{.name = spec.name + "/projection_norm",
                 .kind = "batch_norm",
                 .params = {},
                 .body = {},
                 .place = spec.place};
  layers.push_back(batch_norm_kind().make(norm, layers.back()->output(), context));
  return layers;
}

}  // namespace bitsweep
