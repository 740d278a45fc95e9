// Pooling layers.

#include "framework/engine/pooling.h"
#include "framework/nn/layer_kinds.h"
#include "framework/nn/slice_layer.h"

namespace bitsweep {
namespace {

struct PoolParams {
  Sides kernel = 2;
  Sides stride = 2;
  Padding pad = 0;
  std::string rounding = "floor";

  static Schema<PoolParams> schema() {
    return Schema<PoolParams>{}
        .field("kernel", &PoolParams::kernel, "Size of the window.", sides_between(1, 16))
        .field("stride", &PoolParams::stride, "Pixels between two windows.",
               sides_between(1, 64))
        .field(
            "pad", &PoolParams::pad,
            "Border around the image; same: as wide as gives an output for each stride "
            "of it.",
            padding_between(0, 15))
        .field("rounding", &PoolParams::rounding,
               "Of the output's size; `ceil` is Caffe's way.", one_of({"floor", "ceil"}));
  }
};

PoolGeometry geometry_of(const LayerSpec& spec, const Activation& input) {
  const auto params = parse_layer<PoolParams>(spec);
  const Border pad = params.pad.around(input.shape, params.kernel, params.stride);
  check_window(spec, input.shape, params.kernel, pad);
  try {
    return pool_geometry(input.shape, params.kernel, params.stride, pad,
                         params.rounding == "ceil");
  } catch (const ConfigError& error) {
    throw ConfigError(fmt::format("{}: {}", layer_place(spec), error.what()));
  }
}

Window window_of(const PoolGeometry& geometry) {
  return {.kernel = geometry.kernel, .stride = geometry.stride, .pad = geometry.pad};
}

class MaxPool final : public SliceLayer {
 public:
  MaxPool(const LayerSpec& spec, const PoolGeometry& geometry, Activation& input,
          LayerContext& context)
      : SliceLayer(spec, input, geometry.output, context), geometry_(geometry) {}

  const char* kind() const override { return "max_pool"; }
  void allocate() override { argmax_.resize(output_.value.size()); }

 private:
  GraphNode operation() const override {
    return {.operation = Operation::kMaxPool, .window = window_of(geometry_)};
  }
  std::span<std::uint8_t> argmax(const Slice& slice) {
    return {argmax_.data() + output_.offset(slice), output_.elements(slice)};
  }
  void forward(const Slice& slice, std::span<const float> x,
               std::span<float> y) override {
    kernels::max_pool_forward(geometry_, slice.images, x, y, argmax(slice));
  }
  void backward(const Slice& slice, std::span<const float> dy,
                std::span<float> dx) override {
    kernels::max_pool_backward(geometry_, slice.images, dy, argmax(slice), dx);
  }

  PoolGeometry geometry_;
  std::vector<std::uint8_t> argmax_;
};

class AveragePool final : public SliceLayer {
 public:
  AveragePool(const LayerSpec& spec, const PoolGeometry& geometry, Activation& input,
              LayerContext& context)
      : SliceLayer(spec, input, geometry.output, context), geometry_(geometry) {}

  const char* kind() const override { return "average_pool"; }

 private:
  GraphNode operation() const override {
    return {.operation = Operation::kAveragePool, .window = window_of(geometry_)};
  }
  void forward(const Slice& slice, std::span<const float> x,
               std::span<float> y) override {
    kernels::average_pool_forward(geometry_, slice.images, x, y);
  }
  void backward(const Slice& slice, std::span<const float> dy,
                std::span<float> dx) override {
    kernels::average_pool_backward(geometry_, slice.images, dy, dx);
  }

  PoolGeometry geometry_;
};

class GlobalAveragePool final : public SliceLayer {
 public:
  GlobalAveragePool(const LayerSpec& spec, Activation& input, LayerContext& context)
      : SliceLayer(spec, input, {1, 1, input.shape.channels}, context) {}

  const char* kind() const override { return "global_average_pool"; }

 private:
  GraphNode operation() const override {
    return {.operation = Operation::kGlobalAveragePool};
  }
  void forward(const Slice& slice, std::span<const float> x,
               std::span<float> y) override {
    kernels::global_average_pool_forward(input_->shape, slice.images, x, y);
  }
  void backward(const Slice& slice, std::span<const float> dy,
                std::span<float> dx) override {
    kernels::global_average_pool_backward(input_->shape, slice.images, dy, dx);
  }
};

}  // namespace

LayerKind max_pool_kind() {
  return {"max_pool", "The largest value of each window.", PoolParams::schema().fields(),
          [](const LayerSpec& spec, Activation& input, LayerContext& context) {
            return std::make_unique<MaxPool>(spec, geometry_of(spec, input), input,
                                             context);
          }};
}

LayerKind average_pool_kind() {
  return {"average_pool", "The mean of each window.", PoolParams::schema().fields(),
          [](const LayerSpec& spec, Activation& input, LayerContext& context) {
            return std::make_unique<AveragePool>(spec, geometry_of(spec, input), input,
                                                 context);
          }};
}

LayerKind global_average_pool_kind() {
  return {"global_average_pool", "The mean of each channel over the image.",
          NoParams::schema().fields(),
          [](const LayerSpec& spec, Activation& input, LayerContext& context) {
            parse_layer<NoParams>(spec);
            return std::make_unique<GlobalAveragePool>(spec, input, context);
          }};
}

}  // namespace bitsweep
