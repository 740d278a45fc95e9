// Dropout (Srivastava et al., JMLR 2014), inverted: values that stay are divided by
// 1 - rate, so that evaluation does nothing.
#pragma once

#include "framework/core/random.h"
#include "framework/nn/slice_layer.h"

namespace bitsweep {

/// The rate at which neurons are dropped when they have only the share `kept` of their
/// connections left: pruning has made the network smaller, which regularises, too.
/// rate * sqrt(kept): Han et al., "Learning both Weights and Connections for Efficient
/// Neural Networks", arXiv:1506.02626, section 3.2.
double retraining_dropout(double rate, double kept);

class DropoutLayer final : public SliceLayer {
 public:
  DropoutLayer(const LayerSpec& spec, double rate, Activation& input,
               LayerContext& context);

  const char* kind() const override { return "dropout"; }
  void describe(GraphBuilder& builder) override;

  /// Drops at `retraining_dropout` from the next pass on, as the masks are now of the
  /// layers whose neurons it drops. At the model's rate where these are the image's.
  void follow_pruning();
  /// Share of the values that training sets to zero.
  double rate() const { return rate_; }

 private:
  GraphNode operation() const override { return {}; }
  void apply(const Slice& slice, std::span<const float> from, std::span<float> to) const;
  void forward(const Slice& slice, std::span<const float> x, std::span<float> y) override;
  void backward(const Slice& slice, std::span<const float> dy,
                std::span<float> dx) override;

  double model_rate_;
  double rate_;
  RandomStream random_;
};

}  // namespace bitsweep
