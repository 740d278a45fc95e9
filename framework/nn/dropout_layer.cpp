#include "framework/nn/dropout_layer.h"

#include <algorithm>
#include <cmath>

#include "framework/engine/elementwise.h"
#include "framework/nn/layer_kinds.h"
#include "framework/nn/weighted_layer.h"

namespace bitsweep {
namespace {

struct DropoutParams {
  double rate = 0.5;

  static Schema<DropoutParams> schema() {
    return Schema<DropoutParams>{}.field("rate", &DropoutParams::rate,
                                         "Share of the values set to zero in training.",
                                         between(0.0, 0.99));
  }
};

}  // namespace

double retraining_dropout(double rate, double kept) { return rate * std::sqrt(kept); }

DropoutLayer::DropoutLayer(const LayerSpec& spec, double rate, Activation& input,
                           LayerContext& context)
    : SliceLayer(spec, input, input.shape, context),
      model_rate_(rate),
      rate_(rate),
      random_(std::uint64_t(context.seed), spec.name + "/dropout") {}

// Nothing in evaluation.
void DropoutLayer::describe(GraphBuilder& builder) {
  builder.define(output_, builder.value_of(*input_));
}

void DropoutLayer::follow_pruning() {
  std::size_t all = 0, pruned = 0;
  for (WeightedLayer* layer : input_->makers) {
    const auto& kept = layer->weight_site().kept;  // empty before anything is pruned
    all += layer->weight().value.size();
    pruned += std::size_t(std::count(kept.begin(), kept.end(), 0.0f));
  }
  const double share = all == 0 ? 1 : double(all - pruned) / double(all);
  rate_ = retraining_dropout(model_rate_, share);
}

void DropoutLayer::apply(const Slice& slice, std::span<const float> from,
                         std::span<float> to) const {
  kernels::dropout(from, float(rate_),
                   random_.substream(std::uint64_t(context_.state.pass.step)),
                   std::uint32_t(output_.offset(slice)), to);
}

void DropoutLayer::forward(const Slice& slice, std::span<const float> x,
                           std::span<float> y) {
  context_.state.pass.training ? apply(slice, x, y) : kernels::copy(x, y);
}

void DropoutLayer::backward(const Slice& slice, std::span<const float> dy,
                            std::span<float> dx) {
  apply(slice, dy, dx);
}

LayerKind dropout_kind() {
  return {"dropout", "Sets a random share of the values to zero in training.",
          DropoutParams::schema().fields(),
          [](const LayerSpec& spec, Activation& input, LayerContext& context) {
            const auto params = parse_layer<DropoutParams>(spec);
            return std::make_unique<DropoutLayer>(spec, params.rate, input, context);
          }};
}

}  // namespace bitsweep
