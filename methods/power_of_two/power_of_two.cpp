// Ristretto's power-of-two weights: a sign and an exponent, products are shifts.
// Gysel, "Ristretto: Hardware-Oriented Approximation of Convolutional Neural Networks",
// arXiv:1605.06402; as in the authors' code: the exponent is rounded, there is no zero,
// biases stay float, activations are dynamic fixed point.

#include <algorithm>
#include <cmath>

#include "framework/core/random.h"
#include "framework/engine/vector_math.h"
#include "framework/quant/loops.h"
#include "framework/quant/method.h"
#include "methods/dynamic_fixed_point/fixed_point.h"

namespace bitsweep::methods {
namespace {

struct PowerOfTwoParams {
  int weight_bits = 4;
  int activation_bits = 8;
  int max_exponent = -1;
  std::string training_rounding = "stochastic";
  bool quantize_activations_in_training = false;

  static Schema<PowerOfTwoParams> schema() {
    using P = PowerOfTwoParams;
    return Schema<P>{}
        .field("weight_bits", &P::weight_bits,
               "Width of weights: a sign, and the exponents below the largest.",
               bits_between(1, 6))
        .field("activation_bits", &P::activation_bits,
               "Width of the inputs and outputs of layers, in dynamic fixed point.",
               bits_between(1, 16))
        .field("max_exponent", &P::max_exponent,
               "Of the largest weight; at 4 bits they reach from -8 to -1.",
               between(-60, 60))
        .field("training_rounding", &P::training_rounding,
               "Of exponents in training: floor(log2|w| + u), or the nearest.",
               one_of({"stochastic", "nearest"}))
        .field("quantize_activations_in_training", &P::quantize_activations_in_training,
               "The paper quantizes activations for evaluation only.");
  }
};

class PowersOfTwo final : public Quantizer {
 public:
  PowersOfTwo(const Site& site, const PowerOfTwoParams& params)
      : high_(params.max_exponent),
        low_(params.max_exponent + 1 - (1 << (params.weight_bits - 1))),
        stochastic_(params.training_rounding == "stochastic"),
        stream_(std::uint64_t(site.seed), site.name) {}

  void forward(std::span<const float> w, std::span<float> y,
               const Pass& pass) const override {
    const auto bounded = [low = low_, high = high_](std::int32_t e) {
      return power_of_2(std::clamp(e, low, high));
    };
    if (!pass.training || !stochastic_) {
      return transform(w, y, [bounded](float v) {
        return std::copysign(bounded(nearest_log2(v)), v < 0 ? -1.0f : 1.0f);
      });
    }
    const auto draws = stream_.substream(std::uint64_t(pass.step));
    for_each_indexed(w, [bounded, draws, to = y.data()](std::size_t i, float v) {
      const float u = draws.uniform_at(std::uint32_t(i));
      to[i] = std::copysign(bounded(drawn_exponent(v, u)), v < 0 ? -1.0f : 1.0f);
    });
  }

  // Codes ascend: -2^high, ..., -2^low, 2^low, ..., 2^high.
  void encode(std::span<const float> w, std::span<std::int32_t> codes) const override {
    transform(w, codes, [low = low_, high = high_](float v) {
      const std::int32_t e = std::clamp(nearest_log2(v), low, high);
      return v < 0 ? high - e : high - low + 1 + e - low;
    });
  }

  Grid grid() const override {
    LevelGrid grid;
    for (std::int32_t e = high_; e >= low_; --e) grid.levels.push_back(-power_of_2(e));
    for (std::int32_t e = low_; e <= high_; ++e) grid.levels.push_back(power_of_2(e));
    return {std::move(grid)};
  }

 private:
  // floor(log2|v| + u): the exponent, and one more with the chance of the fraction's log.
  static std::int32_t drawn_exponent(float v, float u) {
    const auto bits = std::bit_cast<std::int32_t>(v) & 0x7fffffff;
    const float fraction = std::bit_cast<float>((bits & 0x007fffff) | 0x3f800000);
    return (bits >> 23) - 127 + (log2_of_fraction(fraction) + u >= 1);
  }

  std::int32_t high_, low_;
  bool stochastic_;
  RandomStream stream_;
};

class PowerOfTwo final : public Method {
 public:
  using Params = PowerOfTwoParams;
  static constexpr auto summary = "Weights as signed powers of two.";
  static constexpr auto reference = "https://arxiv.org/abs/1605.06402";
  static constexpr auto formula =
      "Wq = sign(W) 2^e, e = round(log2 |W|) between max_exponent - 2^(b-1) + 1 "
      "and max_exponent.";
  static constexpr auto recipe =
      "As dynamic fixed point; 4 bits for weights, 8 for activations, biases "
      "float.";
  static constexpr Claims weight_claims = {.zero_preserving = false};

  explicit PowerOfTwo(const Params& params) : params_(params) {}

  std::unique_ptr<Quantizer> quantizer(const Site& site) const override {
    if (site.role == Role::kWeight && params_.weight_bits != kFloatBits) {
      return std::make_unique<PowersOfTwo>(site, params_);
    }
    const bool is_value = site.role == Role::kInput || site.role == Role::kOutput;
    if (!is_value || params_.activation_bits == kFloatBits) return nullptr;
    return std::make_unique<UniformQuantizer>(
        site, activation_settings(dynamic_activations(params_.activation_bits, true),
                                  "half_even", params_.quantize_activations_in_training));
  }

 private:
  Params params_;
};

}  // namespace
}  // namespace bitsweep::methods

BITSWEEP_METHOD(power_of_two, bitsweep::methods::PowerOfTwo)
