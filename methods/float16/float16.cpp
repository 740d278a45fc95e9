// Weights in IEEE half precision, values between them in float: TensorFlow Lite's float16
// quantization. To nearest, ties to even; magnitudes that round beyond 65504 become that.

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

#include "framework/quant/loops.h"
#include "framework/quant/method.h"

namespace bitsweep::methods {
namespace {

struct Float16Params {
  int weight_bits = 16;

  static Schema<Float16Params> schema() {
    return Schema<Float16Params>{}.field("weight_bits", &Float16Params::weight_bits,
                                         "Half precision has 16.", bits_between(16, 16));
  }
};

constexpr std::int32_t kRanks = 0x7c00;  // patterns of finite magnitudes, 0 the first

// The magnitude with the half's pattern `rank`.
float magnitude_of(std::int32_t rank) {
  const std::int32_t exponent = rank >> 10, mantissa = rank & 0x3ff;
  return exponent == 0 ? std::ldexp(float(mantissa), -24)
                       : std::ldexp(float(mantissa | 0x400), exponent - 25);
}

// The pattern of |x| in half precision; NaN has that of 0.
std::int32_t rank_of(float x) {
  const float magnitude = std::fabs(x);
  const auto pattern = std::bit_cast<std::int32_t>(magnitude);
  // Below 2^-14 the steps are 2^-24: adding 1/2 leaves the float no finer ones.
  const std::int32_t small =
      std::bit_cast<std::int32_t>(magnitude + 0.5f) - std::bit_cast<std::int32_t>(0.5f);
  const std::int32_t rounded = (pattern + 0xfff + ((pattern >> 13) & 1)) >> 13;
  const std::int32_t large = std::min(rounded - ((127 - 15) << 10), kRanks - 1);
  if (std::isnan(x)) return 0;
  return magnitude < 0x1p-14f ? small : large;
}

class Float16Weights final : public Quantizer {
 public:
  void forward(std::span<const float> x, std::span<float> y, const Pass&) const override {
    transform(x, y, [](float v) {
      const std::int32_t rank = rank_of(v);
      return rank == 0 ? 0.0f : std::copysign(magnitude_of(rank), v);
    });
  }

  void encode(std::span<const float> x, std::span<std::int32_t> codes) const override {
    transform(x, codes, [](float v) {
      const std::int32_t rank = rank_of(v);
      return kRanks - 1 + (v < 0 ? -rank : rank);
    });
  }

  Grid grid() const override {
    LevelGrid grid;
    grid.levels.reserve(2 * std::size_t(kRanks) - 1);
    for (std::int32_t rank = kRanks - 1; rank > 0; --rank) {
      grid.levels.push_back(-magnitude_of(rank));
    }
    for (std::int32_t rank = 0; rank < kRanks; ++rank) {
      grid.levels.push_back(magnitude_of(rank));
    }
    return {std::move(grid)};
  }
};

class Float16 final : public Method {
 public:
  using Params = Float16Params;
  static constexpr auto summary = "Weights and biases in IEEE half precision.";
  static constexpr auto reference =
      "https://www.tensorflow.org/lite/performance/post_training_quantization";
  static constexpr auto formula =
      "(-1)^s (1 + m / 2^10) 2^(e - 15), e from 1 to 30; m 2^-24 where e is 0.";
  static constexpr auto recipe = "No training: the weights are rounded.";
  static constexpr auto departures = "what rounds to infinity becomes 65504.";

  explicit Float16(const Params& params) : params_(params) {}

  std::unique_ptr<Quantizer> quantizer(const Site& site) const override {
    const bool is_parameter = site.role == Role::kWeight || site.role == Role::kBias;
    if (!is_parameter || params_.weight_bits == kFloatBits) return nullptr;
    return std::make_unique<Float16Weights>();
  }

 private:
  Params params_;
};

}  // namespace
}  // namespace bitsweep::methods

BITSWEEP_METHOD(float16, bitsweep::methods::Float16)
