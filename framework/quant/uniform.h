// Quantizing to a uniform grid: the loops, and the component of methods whose grid
// follows from a range.
#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "framework/core/random.h"
#include "framework/quant/quantizer.h"
#include "framework/quant/range.h"
#include "framework/quant/rounding.h"
#include "framework/quant/straight_through.h"

namespace bitsweep {

/// sign(x) floor(|x| + 0.5), without the sum's own rounding.
inline float round_half_away(float x) {
  const float whole = std::trunc(x);
  return whole + std::copysign(std::fabs(x - whole) >= 0.5f ? 1.0f : 0.0f, x);
}

/// floor(x + 0.5), without the sum's own rounding.
inline float round_half_up(float x) {
  const float whole = std::floor(x);
  return whole + (x - whole >= 0.5f ? 1.0f : 0.0f);
}

/// floor(x + u) for u in [0, 1), without the sum's own rounding: a whole x stays.
inline float round_stochastic(float x, float u) {
  const float whole = std::floor(x);
  return whole + (u > 1 - (x - whole) ? 1.0f : 0.0f);
}

/// One channel of a uniform grid, in the numbers its loop uses.
struct UniformFormat {
  float low = 0;
  float high = 0;
  float scale = 1;
  float zero_point = 0;

  /// Where x stands among the codes, clamped to them; NaN stays NaN.
  float position(float x) const {
    const float v = x / scale + zero_point;
    const float raised = v < low ? low : v;
    return raised > high ? high : raised;
  }
  float value(float code) const { return scale * (code - zero_point); }
};

/// y = value(R(position(x))); NaN stays NaN. y may be x. Stochastic rounding draws u of
/// element i at `draws` + i, the others draw nothing.
struct Draws {
  const RandomStream* stream = nullptr;
  std::size_t offset = 0;
};
void quantize_uniform(std::span<const float> x, std::span<float> y,
                      const UniformFormat& format, Rounding rounding, Draws draws = {});

/// The codes of the same; NaN takes the code nearest to zero. Not for stochastic
/// rounding.
void encode_uniform(std::span<const float> x, std::span<std::int32_t> codes,
                    const UniformFormat& format, Rounding rounding);

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
  UniformFormat format_;
};

}  // namespace bitsweep
