// QNN: BNN with a few bits, on fixed grids between -1 and 1, linear or logarithmic.
// Hubara, Courbariaux, Soudry, El-Yaniv, Bengio, "Quantized Neural Networks",
// arXiv:1609.07061, section 3; the details are as commonly recalled.
//
// linear: signed values have the step 2^-(k-1) and reach from -1 to 1 - step; values that
// cannot be negative have 2^k - 1 steps from 0 to 1. log: powers of two of at most 1,
// rounded in the exponent (AP2); signed values have no zero. k = 1 is the sign, or 0
// and 1; weights of one bit are BNN's, with its rate.

#include <cmath>

#include "framework/engine/reductions.h"
#include "framework/engine/vector_math.h"
#include "framework/quant/method.h"
#include "framework/quant/uniform.h"
#include "methods/binaryconnect/sign_weights.h"

namespace bitsweep::methods {
namespace {

struct QnnParams {
  int weight_bits = 1;
  int activation_bits = 2;
  std::string grid = "linear";
  std::string pre_scale = "none";
  std::string lr_scale = "glorot";
  bool clip = true;

  static Schema<QnnParams> schema() {
    using P = QnnParams;
    return Schema<P>{}
        .field("weight_bits", &P::weight_bits, "Width of weights; 1 is the sign.",
               bits_between(1, 8))
        .field("activation_bits", &P::activation_bits,
               "Width of layer inputs; 1 is the sign where they can be negative.",
               bits_between(1, 8))
        .field("grid", &P::grid, "Equal steps, or powers of two.",
               one_of({"linear", "log"}))
        .field("pre_scale", &P::pre_scale,
               "Weights on linear grids as they are, or measured in the layer's largest "
               "magnitude: those of a float network are small against a step.",
               one_of({"none", "max"}))
        .field("lr_scale", &P::lr_scale,
               "Rate of latent weights of one bit: s = sqrt((fan in + fan out) / 1.5) "
               "times the recipe's, s^2 times, or the recipe's.",
               one_of({"glorot", "glorot_squared", "none"}))
        .field("clip", &P::clip, "Clip latent weights to [-1, 1] after each step.");
  }
};

class FixedRange : public Quantizer, public ChangesLatent {
 public:
  FixedRange(const Site& site, bool clips)
      : clips_(clips && site.role == Role::kWeight),
        is_signed_(site.role == Role::kWeight || site.is_signed) {}

  void backward(std::span<const float> x, std::span<const float> dy, std::span<float> dx,
                std::span<double>, const Pass&) const override {
    transform(x, dy, dx,
              [low = is_signed_ ? -bound_ : 0.0f, high = bound_](float v, float g) {
                return v >= low && v <= high ? g : 0.0f;
              });
  }
  void after_step(std::span<float> latent) override {
    if (clips_) clip(latent, 1);
  }

 protected:
  float bound_ = 1;  // the range ends here

 private:
  bool clips_;
  bool is_signed_;
};

class Linear final : public FixedRange {
 public:
  Linear(const Site& site, int bits, bool is_signed, bool clips, bool scales)
      : FixedRange(site, clips), scales_(scales) {
    const float half = std::ldexp(1.0f, bits - 1);
    const float top = 2 * half - 1;
    q_ = is_signed
             ? UniformQuantization{.scale = 1 / half, .low = -half, .high = half - 1}
             : UniformQuantization{.scale = 1 / top, .high = top};
    step_ = q_.scale;
  }

  // A step of less than the least normal float has no inverse.
  void prepare(std::span<const float> w) override {
    if (!scales_) return;
    const float largest = kernels::max_abs(w);
    bound_ = largest > 0 ? largest : 1;
    q_.scale = std::max(step_ * bound_, 1e-37f);
  }

  void forward(std::span<const float> x, std::span<float> y, const Pass&) const override {
    parallel_ranges(x.size(), [&](std::size_t begin, std::size_t end) {
      kernels::fake_quantize(x.subspan(begin, end - begin), q_, Rounding::kHalfEven,
                             y.subspan(begin, end - begin));
    });
  }
  void encode(std::span<const float> x, std::span<std::int32_t> codes) const override {
    encode_uniform(x, codes, q_, Rounding::kHalfEven);
  }
  Grid grid() const override {
    return {UniformGrid{
        .low = std::int32_t(q_.low), .high = std::int32_t(q_.high), .scale = {q_.scale}}};
  }

 private:
  UniformQuantization q_;
  float step_;   // in units of the bound
  bool scales_;  // the bound is that of the weights
};

// Codes ascend with the values: signed -1, ..., -2^least, 2^least, ..., 1; else 0,
// 2^least, ..., 1.
class LogarithmicCodes final : public FixedRange {
 public:
  LogarithmicCodes(const Site& site, int bits, bool is_signed, bool clips)
      : FixedRange(site, clips),
        signed_(is_signed),
        least_(is_signed ? 1 - (1 << (bits - 1)) : 2 - (1 << bits)) {
    least_ = std::max(least_, -126);
  }

  void forward(std::span<const float> x, std::span<float> y, const Pass&) const override {
    if (signed_) {
      transform(x, y, [least = least_](float v) {
        return std::copysign(power_of_2(limited(v, least)), v < 0 ? -1.0f : 1.0f);
      });
    } else {
      transform(x, y, [least = least_](float v) {
        return is_zero(v, least) ? 0.0f : power_of_2(limited(v, least));
      });
    }
  }

  void encode(std::span<const float> x, std::span<std::int32_t> codes) const override {
    if (signed_) {
      transform(x, codes, [least = least_](float v) {
        const std::int32_t rank = limited(v, least) - least;
        return v < 0 ? -least - rank : 1 - least + rank;
      });
    } else {
      transform(x, codes, [least = least_](float v) {
        return is_zero(v, least) ? 0 : limited(v, least) - least + 1;
      });
    }
  }

  Grid grid() const override {
    LevelGrid grid;
    for (int e = 0; signed_ && e >= least_; --e) grid.levels.push_back(-power_of_2(e));
    if (!signed_) grid.levels.push_back(0);
    for (int e = least_; e <= 0; ++e) grid.levels.push_back(power_of_2(e));
    return {std::move(grid)};
  }

 private:
  static std::int32_t limited(float v, std::int32_t least) {
    return std::clamp(nearest_log2(v), least, 0);
  }
  static bool is_zero(float v, std::int32_t least) {
    return !(v > 0) | (nearest_log2(v) < least);
  }

  bool signed_;
  std::int32_t least_;  // exponent
};

class Qnn final : public Method {
 public:
  using Params = QnnParams;
  static constexpr auto summary = "Weights and activations on fixed grids in [-1, 1].";
  static constexpr auto reference = "https://arxiv.org/abs/1609.07061";
  static constexpr auto formula =
      "xq = clip(round(x / s) s, -1, 1 - s), s = 2^-(k-1); log: sign(x) "
      "2^round(log2 |x|) with at most the exponent 0.";
  static constexpr auto recipe =
      "As BNN: normalisation before the quantizer, Adam, latent weights "
      "clipped.";
  static constexpr auto departures =
      "gradients stay float; the optimizer is the recipe's, not the shift-based one; "
      "pre_scale is no part of the paper.";
  // One bit, and powers of two with a sign, have no zero.
  static constexpr Claims weight_claims = {.zero_preserving = false};
  static constexpr Claims activation_claims = {.zero_preserving = false};

  explicit Qnn(const Params& params) : params_(params) {}

  std::unique_ptr<Quantizer> quantizer(const Site& site) const override {
    if (site.role == Role::kWeight && params_.weight_bits == 1) {
      return make_sign_weights(
          site, SignWeightSettings{.rate = latent_rate(params_.lr_scale, site),
                                   .clips = params_.clip});
    }
    if (site.role == Role::kWeight) {
      return make(site, params_.weight_bits, true, params_.pre_scale == "max");
    }
    if (site.role == Role::kInput) {
      return make(site, params_.activation_bits, site.is_signed, false);
    }
    return nullptr;
  }

 private:
  std::unique_ptr<Quantizer> make(const Site& site, int bits, bool is_signed,
                                  bool scales) const {
    if (bits == kFloatBits) return nullptr;
    if (params_.grid == "log" || (bits == 1 && is_signed)) {
      return std::make_unique<LogarithmicCodes>(site, bits, is_signed, params_.clip);
    }
    return std::make_unique<Linear>(site, bits, is_signed, params_.clip, scales);
  }

  Params params_;
};

}  // namespace
}  // namespace bitsweep::methods

BITSWEEP_METHOD(qnn, bitsweep::methods::Qnn)
