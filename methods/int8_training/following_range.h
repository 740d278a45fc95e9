// Activations whose range is a moving average over the batches of training.
#pragma once

#include <algorithm>
#include <limits>
#include <utility>

#include "framework/engine/reductions.h"
#include "methods/affine/affine_quantizer.h"

namespace bitsweep::methods {

/// Where the moving average begins.
enum class RangeStart { kCalibration, kFirstBatch, kSix };

/// m <- m + (1 - momentum) (batch - m) for both ends of the range, each batch's widened to
/// hold 0, before the batch is quantized.
class FollowingRange final : public AffineQuantizer, public FollowsBatches {
 public:
  FollowingRange(AffineSettings settings, RangeStart start)
      : AffineQuantizer(settings),
        rate_(float(1 - settings.options.momentum)),
        start_(start) {}

  void finish_calibration() override {
    range_ = with_zero(range_seen());
    AffineQuantizer::finish_calibration();
  }

  std::size_t measures() const override { return 2; }
  void measure(std::span<const float> x, std::span<double> measures) const override {
    const auto [low, high] = kernels::min_max(x);
    const Range own = with_zero(low <= high ? Range{low, high} : Range{0, 0});
    measures[0] = own.low;
    measures[1] = own.high;
  }
  void follow(std::span<const double> rows) override {
    Range batch;
    for (std::size_t row = 0; row < rows.size(); row += 2) {
      batch.low = std::min(batch.low, float(rows[row]));
      batch.high = std::max(batch.high, float(rows[row + 1]));
    }
    if (!has_begun_ && start_ == RangeStart::kFirstBatch) range_ = batch;
    if (!has_begun_ && start_ == RangeStart::kSix) range_ = {-6, 6};
    has_begun_ = true;
    range_.low += rate_ * (batch.low - range_.low);
    range_.high += rate_ * (batch.high - range_.high);
    set_range(range_);
  }

  void visit_state(StateVisitor& visitor) override {
    AffineQuantizer::visit_state(visitor);
    visitor.value("low", range_.low);
    visitor.value("high", range_.high);
    visitor.integer("has_begun", has_begun_);
  }

 private:
  // An average of ends beyond these would have no grid.
  static Range with_zero(const Range& range) {
    constexpr float kFarthest = std::numeric_limits<float>::max() / 4;
    return {std::clamp(range.low, -kFarthest, 0.0f),
            std::clamp(range.high, 0.0f, kFarthest)};
  }

  float rate_;
  RangeStart start_;
  Range range_;
  bool has_begun_ = false;
};

}  // namespace bitsweep::methods
