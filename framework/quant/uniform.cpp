#include "framework/quant/uniform.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "framework/core/error.h"
#include "framework/quant/loops.h"

namespace bitsweep {
namespace {

// Calls `loop` with the function that rounds, so that each rule has a loop of its own.
template <class Loop>
void with_rounding(Rounding rounding, Loop loop) {
  switch (rounding) {
    case Rounding::kHalfEven:
      return loop([](float v) { return std::rint(v); });
    case Rounding::kHalfAway:
      return loop([](float v) { return round_half_away(v); });
    case Rounding::kHalfUp:
      return loop([](float v) { return round_half_up(v); });
    case Rounding::kFloor:
      return loop([](float v) { return std::floor(v); });
    case Rounding::kStochastic:
      ensure(false, "stochastic rounding draws");
  }
}

// What rounds to -0 has the code 0, whose value is +0.
float unsigned_zero(float code) { return code + 0.0f; }

// Ends that no grid's steps carry beyond the largest float.
double reachable(float end) {
  constexpr double kFarthest = std::numeric_limits<float>::max() / 2;
  return std::clamp(double(end), -kFarthest, kFarthest);
}

// A scale that does not vanish; 1 for an empty range.
float scale_over(double range, int steps) {
  constexpr double kSmallest = std::numeric_limits<float>::min();
  return range == 0 ? 1 : float(std::max(range / steps, kSmallest));
}

}  // namespace

void quantize_uniform(std::span<const float> x, std::span<float> y,
                      const UniformFormat& format, Rounding rounding, Draws draws) {
  if (rounding == Rounding::kStochastic) {
    return for_each_indexed(x, [to = y.data(), format, draw = *draws.stream,
                                offset = draws.offset](std::size_t i, float v) {
      const float u = draw.uniform_at(std::uint32_t(offset + i));
      to[i] = format.value(unsigned_zero(round_stochastic(format.position(v), u)));
    });
  }
  with_rounding(rounding, [&](auto round) {
    transform(x, y, [format, round](float v) {
      return format.value(unsigned_zero(round(format.position(v))));
    });
  });
}

void encode_uniform(std::span<const float> x, std::span<std::int32_t> codes,
                    const UniformFormat& format, Rounding rounding) {
  with_rounding(rounding, [&](auto round) {
    const float zero = std::rint(format.position(0));
    transform(x, codes, [format, round, zero](float v) {
      const float code = round(format.position(v));
      return std::int32_t(code == code ? code : zero);
    });
  });
}

UniformGrid symmetric_grid(const Range& range, int bits) {
  ensure(2 <= bits && bits <= 16, "a symmetric grid has 2 to 16 bits");
  const int high = (1 << (bits - 1)) - 1;
  const double reach =
      std::max(std::fabs(reachable(range.low)), std::fabs(reachable(range.high)));
  return {.low = -high, .high = high, .scale = {scale_over(reach, high)}};
}

UniformGrid affine_grid(const Range& range, int bits) {
  ensure(1 <= bits && bits <= 16, "an affine grid has 1 to 16 bits");
  const int high = (1 << bits) - 1;
  const double low_end = std::min(0.0, reachable(range.low));
  const double high_end = std::max(0.0, reachable(range.high));
  const float scale = scale_over(high_end - low_end, high);
  const double zero_point = std::clamp(std::rint(-low_end / scale), 0.0, double(high));
  return {.low = 0, .high = high, .scale = {scale}, .zero_point = {float(zero_point)}};
}

UniformQuantizer::UniformQuantizer(const Site& site, UniformSettings settings)
    : settings_(std::move(settings)),
      stream_(std::uint64_t(site.seed), site.name),
      range_(make_range_estimator(settings_.range)) {
  set_grid(settings_.grid(range_->range()));
}

void UniformQuantizer::set_grid(UniformGrid grid) {
  grid_ = std::move(grid);
  format_ = {.low = float(grid_.low),
             .high = float(grid_.high),
             .scale = grid_.scale.front(),
             .zero_point = grid_.zero_point.front()};
}

void UniformQuantizer::calibrate(std::span<const float> x) { range_->collect(x); }

void UniformQuantizer::finish_calibration() { set_grid(settings_.grid(range_->range())); }

void UniformQuantizer::prepare(std::span<const float> x) {
  if (!settings_.follows_weights) return;
  const auto range = make_range_estimator(settings_.range);
  range->collect(x);
  set_grid(settings_.grid(range->range()));
}

void UniformQuantizer::forward(std::span<const float> x, std::span<float> y,
                               const Pass& pass) const {
  if (pass.training && !settings_.quantizes_in_training) return copy(x, y);
  const auto draw = stream_.substream(std::uint64_t(pass.step));
  quantize_uniform(x, y, format_,
                   pass.training ? settings_.training_rounding : settings_.rounding,
                   {&draw, pass.offset});
}

void UniformQuantizer::backward(std::span<const float> x, std::span<const float> dy,
                                std::span<float> dx, std::span<double> /*sums*/,
                                const Pass& pass) const {
  if (pass.training && !settings_.quantizes_in_training) return copy(dy, dx);
  straight_through(settings_.straight_through, x, dy, dx,
                   {format_.value(format_.low), format_.value(format_.high)});
}

void UniformQuantizer::encode(std::span<const float> x,
                              std::span<std::int32_t> codes) const {
  encode_uniform(x, codes, format_, settings_.rounding);
}

}  // namespace bitsweep
