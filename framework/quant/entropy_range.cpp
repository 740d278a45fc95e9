#include "framework/quant/entropy_range.h"

#include <algorithm>

#include "framework/quant/divergence.h"
#include "framework/quant/histogram.h"

namespace bitsweep {
namespace {

Range symmetric(double end, float largest) {
  const float t = std::min(float(end), largest);
  return {-t, t};
}

class TensorRt final : public RangeEstimator {
 public:
  TensorRt(std::size_t levels, bool as_toolkit)
      : levels_(levels), as_toolkit_(as_toolkit) {}

  void collect(std::span<const float> x) override { histogram_.collect(x); }

  Range range() const override {
    auto bins = histogram_.counts();
    if (bins.empty()) return {0, 0};
    if (as_toolkit_) bins[0] = bins[1];
    const std::size_t first = std::max(kFirst, levels_);
    const std::size_t last = as_toolkit_ ? bins.size() : bins.size() - 1;
    const std::size_t kept = tensorrt_clip(bins, levels_, first, last, as_toolkit_);
    if (kept == bins.size()) return symmetric(histogram_.largest(), histogram_.largest());
    return symmetric((double(kept) + (as_toolkit_ ? 0 : 0.5)) * histogram_.width(),
                     histogram_.largest());
  }

 private:
  static constexpr std::size_t kFirst = 128;
  std::size_t levels_;
  bool as_toolkit_;
  MagnitudeHistogram histogram_{2048};
};

class Mxnet final : public RangeEstimator {
 public:
  explicit Mxnet(int steps) : levels_(2 * std::size_t(steps) + 1) {}

  void collect(std::span<const float> x) override { histogram_.collect(x); }

  Range range() const override {
    const auto& bins = histogram_.counts();
    if (bins.empty()) return {0, 0};
    const std::size_t half = mxnet_clip(bins, levels_);
    return symmetric((double(half) + 0.5) * histogram_.width(), histogram_.largest());
  }

 private:
  std::size_t levels_;
  CentredHistogram histogram_{8001};
};

class NeuralCompressor final : public RangeEstimator {
 public:
  explicit NeuralCompressor(int bits) : levels_((std::size_t{1} << bits) - 1) {}

  void collect(std::span<const float> x) override {
    histogram_.collect(x);
    has_negative_ |= std::any_of(x.begin(), x.end(), [](float v) { return v < 0; });
  }

  Range range() const override {
    const auto& bins = histogram_.counts();
    if (bins.empty()) return {0, 0};
    const std::size_t kept =
        neural_compressor_clip(bins, levels_, has_negative_ ? 0.6 : 0.7);
    return symmetric((double(kept) + 0.5) * histogram_.width(), histogram_.largest());
  }

 private:
  std::size_t levels_;
  bool has_negative_ = false;
  MagnitudeHistogram histogram_{2048};
};

}  // namespace

std::unique_ptr<RangeEstimator> make_entropy_estimator(std::string_view name,
                                                       const RangeOptions& options) {
  const auto levels = std::size_t(options.steps) + 1;
  if (name == "kl_tensorrt") return std::make_unique<TensorRt>(levels, false);
  if (name == "kl_nvidia") return std::make_unique<TensorRt>(levels, true);
  if (name == "kl_mxnet") return std::make_unique<Mxnet>(options.steps);
  if (name == "kl_neural_compressor") {
    return std::make_unique<NeuralCompressor>(options.bits);
  }
  return nullptr;
}

}  // namespace bitsweep
