// PACT: a ReLU with a learned ceiling alpha, and 2^k - 1 equal steps below it.
// Choi, Wang, Venkataramani, Chuang, Srinivasan, Gopalakrishnan, "PACT: Parameterized
// Clipping Activation for Quantized Neural Networks", arXiv:1805.06085, section 3;
// letters are the paper's. Weights are DoReFa's.
//
// The step is a constant to gradients: alpha learns from what it clips alone, dalpha =
// sum of g where x >= alpha, and shrinks by weight decay.

#include "framework/quant/clip_start.h"
#include "framework/quant/idle_parameters.h"
#include "framework/quant/method.h"
#include "framework/quant/uniform.h"
#include "methods/dorefa/quantize_k.h"

namespace bitsweep::methods {
namespace {

struct PactParams {
  int weight_bits = 4;
  int activation_bits = 4;
  double alpha = 8;
  std::string init = "constant";
  double percentile = 99.9;
  bool decay = true;

  static Schema<PactParams> schema() {
    using P = PactParams;
    return Schema<P>{}
        .field("weight_bits", &P::weight_bits, "Width of weights, by DoReFa's rule.",
               bits_between(1, 8))
        .field("activation_bits", &P::activation_bits, "Width of layer inputs.",
               bits_between(1, 8))
        .field("alpha", &P::alpha, "Where the ceiling begins.", between(0.01, 1000.0))
        .field("init", &P::init,
               "The ceiling begins at `alpha`, at the largest calibration value, at a "
               "percentile of the positive ones, or where their square error is least.",
               one_of({"constant", "max", "percentile", "mse"}))
        .field("percentile", &P::percentile, kPercentileHelp, between(1.0, 100.0))
        .field("decay", &P::decay, "Let weight decay act on the ceiling, as the paper.");
  }
};

constexpr float kLeastAlpha = 1e-3f;

class ClippedActivations final : public Quantizer {
 public:
  ClippedActivations(const Site& site, const PactParams& params)
      : steps_(float((1 << params.activation_bits) - 1)),
        start_(params.init, {.percentile = params.percentile, .steps = int(steps_)}),
        alpha_(site.name + ".alpha", 1) {
    alpha_.value[0] = float(params.alpha);
    alpha_.minimum = kLeastAlpha;
    alpha_.decay_multiplier = params.decay ? 1 : 0;
  }

  void calibrate(std::span<const float> x) override { start_.collect_positive(x); }
  void finish_calibration() override {
    if (const auto clip = start_.clip()) alpha_.value[0] = std::max(*clip, kLeastAlpha);
  }

  void forward(std::span<const float> x, std::span<float> y, const Pass&) const override {
    parallel_ranges(x.size(), [&](std::size_t begin, std::size_t end) {
      kernels::fake_quantize(x.subspan(begin, end - begin), quantization(),
                             Rounding::kHalfEven, y.subspan(begin, end - begin));
    });
  }

  void encode(std::span<const float> x, std::span<std::int32_t> codes) const override {
    encode_uniform(x, codes, quantization(), Rounding::kHalfEven);
  }

  void backward(std::span<const float> x, std::span<const float> dy, std::span<float> dx,
                std::span<double> sums, const Pass&) const override {
    sums[0] += transform_and_sum(x, dy, dx, [alpha = alpha_.value[0]](float v, float g) {
      return ValueAndTerm{.value = (0 < v) & (v < alpha) ? g : 0.0f,
                          .term = v >= alpha ? g : 0.0f};
    });
  }
  void finish_gradient(std::span<const double> sums) override {
    alpha_.gradient[0] = float(sums[0]);
  }

  Grid grid() const override {
    const auto q = quantization();
    return {UniformGrid{.low = 0, .high = std::int32_t(q.high), .scale = {q.scale}}};
  }

  std::vector<Parameter*> trainable() override { return {&alpha_}; }

 private:
  UniformQuantization quantization() const {
    return {.scale = alpha_.value[0] / steps_, .high = steps_};
  }

  float steps_;  // 2^k - 1
  ClipStart start_;
  Parameter alpha_;
};

class Pact final : public Method {
 public:
  using Params = PactParams;
  static constexpr auto summary =
      "Activations clipped at a learned threshold; DoReFa's weights.";
  static constexpr auto reference = "https://arxiv.org/abs/1805.06085";
  static constexpr auto formula =
      "xq = round(clip(x, 0, alpha) n / alpha) alpha / n, n = 2^k - 1; d alpha "
      "= sum of g where x >= alpha.";
  static constexpr auto recipe =
      "The float network's recipe; alpha begins large and decays like a weight; "
      "behind a ReLU or a normalisation; first and last layer float.";
  static constexpr Claims weight_claims = {.idempotent = false, .zero_preserving = false};
  // The step is a constant to gradients.
  static constexpr Claims activation_claims = {.learns_from_rounding = false};

  explicit Pact(const Params& params) : params_(params) {}

  std::vector<ParamProblem> without_effect(const RunFacts&) const override {
    return idle_percentile(params_.init);
  }

  std::unique_ptr<Quantizer> quantizer(const Site& site) const override {
    if (site.role == Role::kWeight && params_.weight_bits != kFloatBits) {
      return make_dorefa_weights(params_.weight_bits);
    }
    if (site.role == Role::kInput && params_.activation_bits != kFloatBits) {
      return std::make_unique<ClippedActivations>(site, params_);
    }
    return nullptr;
  }

 private:
  Params params_;
};

}  // namespace
}  // namespace bitsweep::methods

BITSWEEP_METHOD(pact, bitsweep::methods::Pact)
