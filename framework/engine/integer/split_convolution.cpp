#include "framework/engine/integer/split_convolution.h"

#include <vector>

#include "framework/core/error.h"
#include "framework/engine/reference/integer.h"

namespace bitsweep {
namespace {

class TwoByteConvolution final : public SplitConvolution {
 public:
  TwoByteConvolution(EngineKind kind, const ConvolutionGeometry& geometry,
                     const SplitCodes& codes, int images, int slots)
      : outputs_(std::size_t(images) * geometry.output.elements()),
        high_(make_integer_convolution(kind, geometry, codes.high, images, slots)),
        low_(make_integer_convolution(kind, geometry, codes.low, images, slots)) {}

  void pack_weights(std::span<const std::int8_t> weights,
                    std::span<const std::int32_t> start, std::span<const float> factors,
                    std::span<const float> bias) override {
    high_->pack_weights(weights, {});
    low_->pack_weights(weights, {});
    start_.assign(start.begin(), start.end());
    factors_.assign(factors.begin(), factors.end());
    bias_.assign(bias.begin(), bias.end());
  }

  void forward(int slot, const void* high, const void* low, std::span<std::int32_t> sums,
               float* y) const override {
    ensure(sums.size() >= 2 * outputs_, "room for the sums of both bytes");
    std::int32_t* const of_high = sums.data();
    std::int32_t* const of_low = sums.data() + outputs_;
    high_->forward(slot, high, of_high);
    low_->forward(slot, low, of_low);
    const std::size_t filters = bias_.size();
    for (std::size_t at = 0; at < outputs_; at += filters) {
      put_together(of_high + at, of_low + at, y + at);
    }
  }

  std::string implementation() const override {
    const std::string high = high_->implementation(), low = low_->implementation();
    return high == low ? high : high + " and " + low;
  }

 private:
  // Sums of 41 bits are exact in double, which vectors convert and int64 they do not.
  void put_together(const std::int32_t* high, const std::int32_t* low, float* y) const {
    const double* const start = start_.data();
    const float *const factors = factors_.data(), *const bias = bias_.data();
#pragma GCC ivdep
    for (std::size_t f = 0; f < bias_.size(); ++f) {
      const double sum = 256.0 * double(high[f]) + double(low[f]) + start[f];
      y[f] = float(sum) * factors[f] + bias[f];
    }
  }

  std::size_t outputs_;
  std::unique_ptr<IntegerConvolution> high_, low_;
  std::vector<double> start_;
  std::vector<float> factors_, bias_;
};

}  // namespace

std::unique_ptr<SplitConvolution> make_split_convolution(
    EngineKind kind, const ConvolutionGeometry& geometry, const SplitCodes& codes,
    int images, int slots) {
  if (kind == EngineKind::kReference) {
    return reference::make_split_convolution(geometry, codes, images);
  }
  return std::make_unique<TwoByteConvolution>(kind, geometry, codes, images, slots);
}

}  // namespace bitsweep
