// Local response normalisation, across channels (Krizhevsky et al., NIPS 2012) or within
// each channel (Caffe).

#include "framework/engine/lrn.h"
#include "framework/nn/layer_kinds.h"
#include "framework/nn/slice_layer.h"

namespace bitsweep {
namespace {

struct LrnParams {
  std::string region = "across";
  int size = 5;
  double alpha = 1e-4;
  double beta = 0.75;
  double k = 1;

  static Schema<LrnParams> schema() {
    return Schema<LrnParams>{}
        .field("region", &LrnParams::region,
               "Neighbours are channels (across) or pixels (within).",
               one_of({"across", "within"}))
        .field("size", &LrnParams::size, "Channels, or pixels a side; odd.",
               Allowed<int>{
                   "odd, 1 to 31",
                   [](int size) { return size % 2 == 1 && 1 <= size && size <= 31; }})
        .field("alpha", &LrnParams::alpha, "Weight of the mean square.",
               between(0.0, 1e3))
        .field("beta", &LrnParams::beta, "Exponent.", between(0.0, 10.0))
        .field("k", &LrnParams::k, "Added to the weighted mean square.",
               between(1e-6, 1e3));
  }
};

class Lrn final : public SliceLayer {
 public:
  Lrn(const LayerSpec& spec, const LrnParams& params, Activation& input,
      LayerContext& context)
      : SliceLayer(spec, input, input.shape, context),
        lrn_{params.size, float(params.alpha), float(params.beta), float(params.k)},
        within_(params.region == "within") {}

  const char* kind() const override { return "lrn"; }

  void allocate() override {
    const std::size_t size = within_ ? within_channel_scratch(input_->shape, lrn_)
                                     : across_channels_scratch(input_->shape, lrn_);
    for (std::size_t i = 0; i < context_.slices.size(); ++i) scratch_.emplace_back(size);
  }

 private:
  GraphNode operation() const override {
    return {.operation = within_ ? Operation::kLrnWithin : Operation::kLrnAcross,
            .lrn = lrn_};
  }
  std::span<float> scratch(const Slice& slice) {
    return scratch_[std::size_t(slice.index)].span();
  }
  void forward(const Slice& slice, std::span<const float> x,
               std::span<float> y) override {
    const auto kernel =
        within_ ? kernels::lrn_within_forward : kernels::lrn_across_forward;
    kernel(input_->shape, slice.images, lrn_, x, y, scratch(slice));
  }
  void backward(const Slice& slice, std::span<const float> dy,
                std::span<float> dx) override {
    const std::span<const float> x{input_->values(slice), dx.size()};
    const auto kernel =
        within_ ? kernels::lrn_within_backward : kernels::lrn_across_backward;
    kernel(input_->shape, slice.images, lrn_, x, dy, dx, scratch(slice));
  }

  ResponseNormalisation lrn_;
  bool within_;
  std::vector<Buffer> scratch_;  // one a slice
};

}  // namespace

LayerKind lrn_kind() {
  return {"lrn", "Local response normalisation.", LrnParams::schema().fields(),
          [](const LayerSpec& spec, Activation& input, LayerContext& context) {
            const auto params = parse_layer<LrnParams>(spec);
            return std::make_unique<Lrn>(spec, params, input, context);
          }};
}

}  // namespace bitsweep
