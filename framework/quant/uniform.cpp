#include "framework/quant/uniform.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "framework/core/error.h"
#include "framework/engine/elementwise.h"
#include "framework/quant/loops.h"

namespace bitsweep {
namespace {

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

void check_bits(const char* grid, int bits, int least) {
  if (least <= bits && bits <= 16) return;
  throw MethodError(fmt::format("{} has {} to 16 bits, not {}", grid, least, bits));
}

}  // namespace

void encode_uniform(std::span<const float> x, std::span<std::int32_t> codes,
                    const UniformQuantization& q, Rounding rounding) {
  const auto encode = [&](auto round) {
    const float zero = uniform_code(0, q, round);
    transform(x, codes, [q, round, zero](float v) {
      const float code = uniform_code(v, q, round);
      return std::int32_t(code == code ? code : zero);
    });
  };
  switch (rounding) {
    case Rounding::kHalfEven:
      return encode([](float v) { return round_half_even(v); });
    case Rounding::kHalfAway:
      return encode([](float v) { return round_half_away(v); });
    case Rounding::kHalfUp:
      return encode([](float v) { return round_half_up(v); });
    case Rounding::kFloor:
      return encode([](float v) { return std::floor(v); });
    case Rounding::kStochastic:
      throw MethodError("its `rounding` draws; codes are chosen without draws");
  }
}

UniformGrid symmetric_grid(const Range& range, int bits) {
  check_bits("a symmetric grid", bits, 2);
  const int high = (1 << (bits - 1)) - 1;
  const double reach =
      std::max(std::fabs(reachable(range.low)), std::fabs(reachable(range.high)));
  return {.low = -high, .high = high, .scale = {scale_over(reach, high)}};
}

UniformGrid affine_grid(const Range& range, int bits) {
  check_bits("an affine grid", bits, 1);
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
  quantization_ = {.scale = grid_.scale.front(),
                   .zero_point = grid_.zero_point.front(),
                   .low = float(grid_.low),
                   .high = float(grid_.high)};
}

void UniformQuantizer::calibrate(std::span<const float> x) { range_->collect(x); }

void UniformQuantizer::finish_calibration() { set_grid(settings_.grid(range_->range())); }

void UniformQuantizer::prepare(std::span<const float> x) {
  if (!settings_.follows_weights) return;
  const auto range = make_range_estimator(settings_.range);
  range->collect(x);
  set_grid(settings_.grid(range->range()));
}

void UniformQuantizer::visit_state(StateVisitor& visitor) {
  visitor.values("scale", grid_.scale);
  visitor.values("zero_point", grid_.zero_point);
  set_grid(grid_);
}

void UniformQuantizer::forward(std::span<const float> x, std::span<float> y,
                               const Pass& pass) const {
  if (pass.training && !settings_.quantizes_in_training) return kernels::copy(x, y);
  const Rounding rounding =
      pass.training ? settings_.training_rounding : settings_.rounding;
  const auto draw = stream_.substream(std::uint64_t(pass.step));
  parallel_ranges(x.size(), [&](std::size_t begin, std::size_t end) {
    const auto from = x.subspan(begin, end - begin);
    const auto to = y.subspan(begin, end - begin);
    if (rounding == Rounding::kStochastic) {
      kernels::fake_quantize_stochastic(from, quantization_, draw,
                                        std::uint32_t(pass.offset + begin), to);
    } else {
      kernels::fake_quantize(from, quantization_, rounding, to);
    }
  });
}

void UniformQuantizer::backward(std::span<const float> x, std::span<const float> dy,
                                std::span<float> dx, std::span<double> /*sums*/,
                                const Pass& pass) const {
  if (pass.training && !settings_.quantizes_in_training) return kernels::copy(dy, dx);
  const Grid ends = grid();
  kernels::straight_through(settings_.straight_through, x, dy, ends.value(grid_.low, 0),
                            ends.value(grid_.high, 0), dx);
}

void UniformQuantizer::encode(std::span<const float> x,
                              std::span<std::int32_t> codes) const {
  encode_uniform(x, codes, quantization_, settings_.rounding);
}

}  // namespace bitsweep
