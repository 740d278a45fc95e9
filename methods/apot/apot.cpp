// APoT: levels that are sums of powers of two, dense near 0, below a learned clip alpha.
// Li, Dong, Wang, "Additive Powers-of-Two Quantization: An Efficient Non-uniform
// Discretization for Neural Networks", ICLR 2020, arXiv:1909.13144; level tables, starts
// and gradients are those of the authors' code.
//
// Weights are normalised first, Wn = (W - mean) / std over the layer; then alpha clips in
// standard deviations. Gradients take mean and std for constants, but pass through the
// division: dW = dWn / std. k-bit weights are a sign and k - 1 bits of magnitude; 2-bit
// weights are -alpha, 0, alpha.

#include <algorithm>
#include <cmath>

#include "framework/engine/reductions.h"
#include "framework/quant/clip_start.h"
#include "framework/quant/idle_parameters.h"
#include "framework/quant/loops.h"
#include "framework/quant/method.h"
#include "framework/quant/pruning.h"
#include "framework/quant/staircase.h"
#include "framework/quant/transforms_values.h"

namespace bitsweep::methods {
namespace {

struct ApotParams {
  int weight_bits = 4;
  int activation_bits = 4;
  double alpha_weight = 3;
  double alpha_activation = 8;
  std::string init = "constant";
  double percentile = 99.9;
  bool mask_weight_gradient = false;
  bool decay = true;

  static Schema<ApotParams> schema() {
    using P = ApotParams;
    return Schema<P>{}
        .field("weight_bits", &P::weight_bits, "Width of weights, with the sign.",
               bits_between(2, 5))
        .field("activation_bits", &P::activation_bits, "Width of layer inputs.",
               bits_between(2, 4))
        .field("alpha_weight", &P::alpha_weight,
               "Where the clip of weights begins, in standard deviations.",
               between(0.01, 100.0))
        .field("alpha_activation", &P::alpha_activation,
               "Where the clip of activations begins.", between(0.01, 1000.0))
        .field("init", &P::init,
               "Clips begin at the two alphas, activations' at their largest value, or "
               "both by their values: at a percentile or with the least square error.",
               one_of({"constant", "max", "percentile", "mse"}))
        .field("percentile", &P::percentile, kPercentileHelp, between(1.0, 100.0))
        .field("mask_weight_gradient", &P::mask_weight_gradient,
               "No gradient where |Wn| > alpha, as in the authors' ImageNet code.")
        .field("decay", &P::decay, "Let weight decay act on the clips.");
  }
};

constexpr float kLeastClip = 1e-3f;

// The levels of B bits in [0, 1]. B = 2m is m groups, group j of which adds nothing or
// 2^-(m i + j + 1), i = 0, 1, 2; the largest sum is 1.
std::vector<float> magnitudes(int bits) {
  if (bits == 1) return {0, 1};
  if (bits == 3) return {0, 0.1f, 0.2f, 0.3f, 0.4f, 0.6f, 0.8f, 1};
  const int groups = bits / 2;
  std::vector<double> sums = {0};
  for (int j = 0; j < groups; ++j) {
    const std::vector<double> before = sums;
    for (int i = 0; i < 3; ++i) {
      for (const double sum : before)
        sums.push_back(sum + std::ldexp(1.0, -(groups * i + j + 1)));
    }
  }
  std::sort(sums.begin(), sums.end());
  std::vector<float> levels;
  for (const double sum : sums) levels.push_back(float(sum / sums.back()));
  return levels;
}

class AdditivePowers : public Quantizer {
 public:
  AdditivePowers(const std::string& name, const ApotParams& params, double alpha,
                 const std::string& init, int magnitude_bits)
      : start_(init,
               {.percentile = params.percentile, .levels = magnitudes(magnitude_bits)}),
        alpha_(name + ".alpha", 1) {
    alpha_.value[0] = float(alpha);
    alpha_.minimum = kLeastClip;
    alpha_.decay_multiplier = params.decay ? 1 : 0;
  }

  void finish_calibration() override {
    if (const auto clip = start_.clip()) alpha_.value[0] = std::max(*clip, kLeastClip);
  }
  void finish_gradient(std::span<const double> sums) override {
    alpha_.gradient[0] = float(sums[0]);
  }
  std::vector<Parameter*> trainable() override { return {&alpha_}; }

 protected:
  float alpha() const { return alpha_.value[0]; }
  ClipStart start_;
  Parameter alpha_;
};

// dq/dalpha, q = alpha level(z), at z = x / alpha: q - z inside the clip and sign(z)
// outside.
template <class Stairs>
float alpha_slope(float z, const Stairs& stairs) {
  const float inside = std::copysign(stairs.value(std::fabs(z)), z) - z;
  return std::fabs(z) > 1 ? std::copysign(1.0f, z) : inside;
}

template <int n>
class NormalisedWeights final : public AdditivePowers,
                                public KnowsPruned,
                                public TransformsValues {
 public:
  // Their largest value is no start: it may lie ten deviations out.
  NormalisedWeights(const Site& site, const ApotParams& params)
      : AdditivePowers(site.name, params, params.alpha_weight,
                       params.init == "max" ? "constant" : params.init,
                       params.weight_bits - 1),
        stairs_(magnitudes(params.weight_bits - 1)),
        masks_(params.mask_weight_gradient) {}

  void set_kept(std::span<const float> kept) override {
    kept_.assign(kept.begin(), kept.end());
  }

  void calibrate(std::span<const float> w) override {
    prepare(w);
    auto wn = left_of(w, kept_);
    transformed(wn, wn);
    start_.collect(wn);
  }

  // Wn.
  void transformed(std::span<const float> w, std::span<float> u) const override {
    transform(w, u, [m = mean_, d = deviation_](float v) { return (v - m) / d; });
  }

  // Of the weights that are left. The deviation of the sample, n - 1; of a layer without
  // any, 1.
  void prepare(std::span<const float> w) override {
    const auto pruned = double(std::count(kept_.begin(), kept_.end(), 0.0f));
    const double size = std::max(double(w.size()) - pruned, 1.0);
    const double mean = kernels::sum(w) / size;
    const double squares =
        sum_over(w.size(),
                 [p = w.data(), mean](std::size_t i) {
                   return (double(p[i]) - mean) * (double(p[i]) - mean);
                 }) -
        pruned * mean * mean;
    mean_ = float(mean);
    deviation_ = float(std::sqrt(squares / std::max(1.0, size - 1)));
    if (!(deviation_ > 0)) deviation_ = 1;
  }

  void forward(std::span<const float> w, std::span<float> y, const Pass&) const override {
    transform(w, y, [s = stairs_, z = normalised(), a = alpha()](float v) {
      const float at = z(v);
      return a * (at < 0 ? -s.value(-at) + 0.0f : s.value(at));
    });
  }
  void encode(std::span<const float> w, std::span<std::int32_t> codes) const override {
    const std::int32_t zero = std::int32_t(level_count()) - 1;
    transform(w, codes, [s = stairs_, z = normalised(), zero](float v) {
      const float at = z(v);
      return at < 0 ? zero - s.code(-at) : zero + s.code(at);
    });
  }
  void backward(std::span<const float> w, std::span<const float> g, std::span<float> dw,
                std::span<double> sums, const Pass&) const override {
    sums[0] += transform_and_sum(
        w, g, dw,
        [s = stairs_, z = normalised(), d = deviation_, masks = masks_](float v,
                                                                        float gv) {
          const float at = z(v);
          return ValueAndTerm{.value = masks & (std::fabs(at) > 1) ? 0.0f : gv / d,
                              .term = gv * alpha_slope(at, s)};
        });
  }
  Grid grid() const override {
    LevelGrid grid{.scale = {alpha()}};
    const auto levels = stairs_.levels();
    for (std::size_t i = level_count() - 1; i > 0; --i) grid.levels.push_back(-levels[i]);
    for (std::size_t i = 0; i < level_count(); ++i) grid.levels.push_back(levels[i]);
    return {std::move(grid)};
  }

 private:
  static constexpr std::size_t level_count() { return n; }
  auto normalised() const {
    return [m = mean_, d = deviation_, a = alpha()](float v) { return (v - m) / d / a; };
  }

  Staircase<n> stairs_;
  bool masks_;
  std::vector<float> kept_;  // 0 where pruned; or none
  float mean_ = 0, deviation_ = 1;
};

template <int n>
class AdditiveActivations final : public AdditivePowers {
 public:
  AdditiveActivations(const Site& site, const ApotParams& params)
      : AdditivePowers(site.name, params, params.alpha_activation, params.init,
                       params.activation_bits),
        stairs_(magnitudes(params.activation_bits)) {}

  void calibrate(std::span<const float> x) override { start_.collect_positive(x); }

  void forward(std::span<const float> x, std::span<float> y, const Pass&) const override {
    transform(x, y, [s = stairs_, a = alpha()](float v) { return a * s.value(v / a); });
  }
  void encode(std::span<const float> x, std::span<std::int32_t> codes) const override {
    transform(x, codes, [s = stairs_, a = alpha()](float v) { return s.code(v / a); });
  }
  void backward(std::span<const float> x, std::span<const float> g, std::span<float> dx,
                std::span<double> sums, const Pass&) const override {
    sums[0] += transform_and_sum(x, g, dx, [s = stairs_, a = alpha()](float v, float gv) {
      return ValueAndTerm{.value = (0 < v) & (v <= a) ? gv : 0.0f,
                          .term = gv * alpha_slope(v < 0 ? 0.0f : v / a, s)};
    });
  }
  Grid grid() const override {
    const auto levels = stairs_.levels();
    return {LevelGrid{.levels = {levels.begin(), levels.end()}, .scale = {alpha()}}};
  }

 private:
  Staircase<n> stairs_;
};

class Apot final : public Method {
 public:
  using Params = ApotParams;
  static constexpr auto summary =
      "Additive powers of two with a learned clipping threshold.";
  static constexpr auto reference = "https://arxiv.org/abs/1909.13144";
  static constexpr auto formula =
      "Wn = (W - mean) / std; Wq = alpha level(clip(Wn / alpha, -1, 1)), levels "
      "sums of powers of two; xq = alpha level(clip(x / alpha, 0, 1)); dW = dWq / std.";
  static constexpr auto recipe =
      "Fine-tuned from the network with one bit more: SGD, rate 0.04, weight "
      "decay 1e-4; first and last layer at 8 bits.";
  // Weights are normalised at each quantization: 0 is not the mean.
  static constexpr Claims weight_claims = {.idempotent = false, .zero_preserving = false};

  explicit Apot(const Params& params) : params_(params) {}

  std::vector<ParamProblem> without_effect(const RunFacts&) const override {
    return idle_percentile(params_.init);
  }

  std::unique_ptr<Quantizer> quantizer(const Site& site) const override {
    if (site.role == Role::kWeight) return weights(site);
    if (site.role == Role::kInput) return activations(site);
    return nullptr;
  }

 private:
  std::unique_ptr<Quantizer> weights(const Site& site) const {
    switch (params_.weight_bits) {
      case 2:
        return std::make_unique<NormalisedWeights<2>>(site, params_);
      case 3:
        return std::make_unique<NormalisedWeights<4>>(site, params_);
      case 4:
        return std::make_unique<NormalisedWeights<8>>(site, params_);
      case 5:
        return std::make_unique<NormalisedWeights<16>>(site, params_);
      default:
        return nullptr;
    }
  }
  std::unique_ptr<Quantizer> activations(const Site& site) const {
    switch (params_.activation_bits) {
      case 2:
        return std::make_unique<AdditiveActivations<4>>(site, params_);
      case 3:
        return std::make_unique<AdditiveActivations<8>>(site, params_);
      case 4:
        return std::make_unique<AdditiveActivations<16>>(site, params_);
      default:
        return nullptr;
    }
  }

  Params params_;
};

}  // namespace
}  // namespace bitsweep::methods

BITSWEEP_METHOD(apot, bitsweep::methods::Apot)
