// HWGQ-Net: behind a normalisation activations are half a Gaussian: quantize that.
// Cai, He, Sun, Vasconcelos, "Deep Learning with Low Precision by Half-wave Gaussian
// Quantization", arXiv:1702.00953, sections 3 and 4; letters are the paper's. Weights are
// BWN's by filter, with the plain gradient, as in the authors' code.
//
// Q(x) = 0 for x <= 0, else the nearest of the centres q_1 < ... < q_m: any positive x
// becomes at least q_1. The centres serve N(0, 1), so the normalisation before must have
// no scale and shift of its own. Where it has, `init` may fit the levels' scale to what
// each layer sees; the paper has the same levels everywhere.

#include <cmath>
#include <numbers>

#include "framework/quant/clip_start.h"
#include "framework/quant/idle_parameters.h"
#include "framework/quant/method.h"
#include "framework/quant/staircase.h"
#include "methods/bwn/binary_weights.h"

namespace bitsweep::methods {
namespace {

struct HwgqParams {
  int weight_bits = 1;
  int activation_bits = 2;
  std::string levels = "uniform";
  std::string ste = "clipped";
  std::string init = "gaussian";
  double percentile = 90;

  static Schema<HwgqParams> schema() {
    using P = HwgqParams;
    return Schema<P>{}
        .field("weight_bits", &P::weight_bits, "Width of weights.", bits_between(1, 1))
        .field("activation_bits", &P::activation_bits, "Width of layer inputs.",
               bits_between(1, 4))
        .field("levels", &P::levels,
               "Multiples of the best step for N(0, 1), or its Lloyd-Max centres.",
               one_of({"uniform", "lloyd"}))
        .field("ste", &P::ste,
               "Slope for x > 0: 1 up to q_m and then 0, 1 throughout, or 1 / (x - q_m + "
               "1) beyond q_m.",
               one_of({"clipped", "vanilla", "log"}))
        .formerly("backward")
        .field(
            "init", &P::init,
            "The levels are those for N(0, 1), as the paper's, or scaled so that q_m is "
            "the largest or a percentile of the layer's positive values, or that their "
            "square error is least.",
            one_of({"gaussian", "max", "percentile", "mse"}))
        .field("percentile", &P::percentile, kPercentileHelp, between(1.0, 100.0));
  }
};

// The step whose multiples 1 to m quantize the positive half of N(0, 1) with the least
// mean square error, to the digits that the authors' files have: 1 to 4 bits.
constexpr float kUniformSteps[] = {0.798f, 0.538f, 0.322f, 0.184f};

double density(double x) {
  return std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi);
}
double share_below(double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); }

// Lloyd's iteration: each centre is the mean of the half Gaussian between the midpoints
// to its neighbours.
std::vector<float> lloyd_centres(int m) {
  std::vector<double> q(std::size_t(m), 0.0);
  for (int i = 0; i < m; ++i) q[std::size_t(i)] = 3 * (i + 0.5) / m;
  for (int round = 0; round < 4000; ++round) {
    double low = 0;
    for (std::size_t i = 0; i < q.size(); ++i) {
      const bool is_last = i + 1 == q.size();
      const double high = is_last ? 40 : (q[i] + q[i + 1]) / 2;
      q[i] = (density(low) - density(high)) / (share_below(high) - share_below(low));
      low = high;
    }
  }
  return {q.begin(), q.end()};
}

// 0 and the centres.
std::vector<float> half_wave_levels(const HwgqParams& params) {
  const int m = (1 << params.activation_bits) - 1;
  std::vector<float> q = {0};
  if (params.levels == "lloyd") {
    static const std::vector<float> kCentres[] = {lloyd_centres(1), lloyd_centres(3),
                                                  lloyd_centres(7), lloyd_centres(15)};
    const auto& centres = kCentres[params.activation_bits - 1];
    q.insert(q.end(), centres.begin(), centres.end());
  } else {
    const float step = kUniformSteps[params.activation_bits - 1];
    for (int i = 1; i <= m; ++i) q.push_back(float(i) * step);
  }
  return q;
}

constexpr float kLeastStairScale = 1e-6f;

// q_1 to q_m in units of q_m: 0 is for what is not positive.
std::vector<float> positive_levels(const std::vector<float>& q) {
  std::vector<float> levels;
  for (std::size_t i = 1; i < q.size(); ++i) levels.push_back(q[i] / q.back());
  return levels;
}

// Levels 0, q_1, ..., q_m, times a scale.
template <int levels>
class HalfWave final : public Quantizer {
 public:
  HalfWave(const std::vector<float>& q, const HwgqParams& params)
      : stairs_(q),
        ste_(params.ste),
        start_(params.init,
               {.percentile = params.percentile, .levels = positive_levels(q)}) {
    stairs_.set_threshold(1, 0);
  }

  void calibrate(std::span<const float> x) override { start_.collect_positive(x); }
  void finish_calibration() override {
    const auto clip = start_.clip();
    if (clip) scale_ = std::max(*clip / stairs_.levels().back(), kLeastStairScale);
  }
  void visit_state(StateVisitor& visitor) override { visitor.value("scale", scale_); }

  void forward(std::span<const float> x, std::span<float> y, const Pass&) const override {
    transform(x, y, [s = stairs_, scale = scale_](float v) {
      return scale * s.value(v / scale);
    });
  }

  void encode(std::span<const float> x, std::span<std::int32_t> codes) const override {
    transform(x, codes,
              [s = stairs_, scale = scale_](float v) { return s.code(v / scale); });
  }

  void backward(std::span<const float> x, std::span<const float> dy, std::span<float> dx,
                std::span<double>, const Pass&) const override {
    const float top = scale_ * stairs_.levels().back();
    if (ste_ == "vanilla") {
      transform(x, dy, dx, [](float v, float g) { return v > 0 ? g : 0.0f; });
    } else if (ste_ == "log") {
      transform(x, dy, dx, [top, scale = scale_](float v, float g) {
        return v > 0 ? g / (v > top ? (v - top) / scale + 1 : 1) : 0.0f;
      });
    } else {
      transform(x, dy, dx,
                [top](float v, float g) { return (0 < v) & (v <= top) ? g : 0.0f; });
    }
  }

  Grid grid() const override {
    const auto levels_of = stairs_.levels();
    return {LevelGrid{.levels = {levels_of.begin(), levels_of.end()}, .scale = {scale_}}};
  }

 private:
  Staircase<levels> stairs_;
  std::string ste_;
  ClipStart start_;
  float scale_ = 1;
};

class Hwgq final : public Method {
 public:
  using Params = HwgqParams;
  static constexpr auto summary =
      "Binary weights; activations on levels optimal for a half-Gaussian.";
  static constexpr auto reference = "https://arxiv.org/abs/1702.00953";
  static constexpr auto formula =
      "Q(x) = 0 for x <= 0, else the nearest of q_1 < ... < q_m; Wq = sign(W) "
      "mean |W| of the filter.";
  static constexpr auto recipe =
      "Convolution, pooling, normalisation without scale and shift, Q; SGD with "
      "the rate falling linearly; first and last layer float.";
  static constexpr auto departures =
      "only with `init: max`, `percentile` or `mse`: the paper's levels are the same in "
      "every layer.";
  // The slope of `log` falls beyond the last level.
  static Claims claims(const Params& params, bool of_weights) {
    return {.zero_preserving = !of_weights,
            .straight_through = of_weights || params.ste != "log"};
  }

  explicit Hwgq(const Params& params) : params_(params) {}

  std::vector<ParamProblem> without_effect(const RunFacts&) const override {
    return idle_percentile(params_.init);
  }

  std::unique_ptr<Quantizer> quantizer(const Site& site) const override {
    if (site.role == Role::kWeight && params_.weight_bits != kFloatBits) {
      return std::make_unique<BinaryWeights>(
          BinaryWeightSettings{.gradient = BinaryWeightSettings::Gradient::kIdentity,
                               .center = false,
                               .clip = 0},
          site);
    }
    if (site.role != Role::kInput) return nullptr;
    switch (params_.activation_bits) {
      case 1:
        return activations<2>();
      case 2:
        return activations<4>();
      case 3:
        return activations<8>();
      case 4:
        return activations<16>();
      default:
        return nullptr;
    }
  }

 private:
  template <int levels>
  std::unique_ptr<Quantizer> activations() const {
    return std::make_unique<HalfWave<levels>>(half_wave_levels(params_), params_);
  }

  Params params_;
};

}  // namespace
}  // namespace bitsweep::methods

BITSWEEP_METHOD(hwgq, bitsweep::methods::Hwgq)
