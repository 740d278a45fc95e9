// Quantizing to a uniform grid: the loops, and the component of methods whose grid
// follows from a range.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "framework/core/random.h"
#include "framework/engine/fake_quantize.h"
#include "framework/engine/rounding.h"
#include "framework/quant/quantizer.h"
#include "framework/quant/range.h"

namespace bitsweep {

/// The codes that `kernels::fake_quantize` decodes; NaN takes the code nearest to zero.
/// Any rounding but the stochastic.
void encode_uniform(std::span<const float> x, std::span<std::int32_t> codes,
                    const UniformQuantization& q, Rounding rounding);

/// Codes -(2^(bits-1) - 1) to 2^(bits-1) - 1 over the larger end of the range; bits >= 2.
UniformGrid symmetric_grid(const Range& range, int bits);

/// Codes 0 to 2^bits - 1 over the range, widened to hold 0, which gets a code of its own.
UniformGrid affine_grid(const Range& range, int bits);

struct UniformSettings {
  std::string range = "max_abs";  // a name of `range_names()`
  std::function<UniformGrid(const Range&)> grid;
  bool follows_weights = false;       // the range is that of each `prepare`
  bool quantizes_in_training = true;  // or only outside it
  Rounding rounding = Rounding::kHalfEven;
  Rounding training_rounding = Rounding::kHalfEven;
  StraightThrough straight_through = StraightThrough::kIdentity;
};

/// A tensor's own uniform grid. Stochastic rounding draws from {site.seed, site.name},
/// substream(step); it is for training alone.
class UniformQuantizer final : public Quantizer {
 public:
  UniformQuantizer(const Site& site, UniformSettings settings);

  void calibrate(std::span<const float> x) override;
  void finish_calibration() override;
  void prepare(std::span<const float> x) override;
  void visit_state(StateVisitor& visitor) override;
  void forward(std::span<const float> x, std::span<float> y,
               const Pass& pass) const override;
  void backward(std::span<const float> x, std::span<const float> dy, std::span<float> dx,
                std::span<double> sums, const Pass& pass) const override;
  void encode(std::span<const float> x, std::span<std::int32_t> codes) const override;
  Grid grid() const override { return {grid_}; }

 private:
  void set_grid(UniformGrid grid);

  UniformSettings settings_;
  RandomStream stream_;
  std::unique_ptr<RangeEstimator> range_;
  UniformGrid grid_;
  UniformQuantization quantization_;
};

}  // namespace bitsweep
