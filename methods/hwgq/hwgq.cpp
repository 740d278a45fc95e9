// HWGQ-Net: behind a normalisation activations are half a Gaussian: quantize that.
// Cai, He, Sun, Vasconcelos, "Deep Learning with Low Precision by Half-wave Gaussian
// Quantization", arXiv:1702.00953, sections 3 and 4; letters are the paper's. Weights are
// BWN's by filter, with the plain gradient, as in the authors' code.
//
// Q(x) = 0 for x <= 0, else the nearest of the centres q_1 < ... < q_m: any positive x
// becomes at least q_1. The centres serve N(0, 1), so the normalisation before must have
// no scale and shift of its own.

#include <cmath>
#include <numbers>

#include "framework/quant/method.h"
#include "methods/bwn/binary_weights.h"

namespace bitsweep::methods {
namespace {

struct HwgqParams {
  int weight_bits = 1;
  int activation_bits = 2;
  std::string levels = "uniform";
  std::string backward = "clipped";

  static Schema<HwgqParams> schema() {
    using P = HwgqParams;
    return Schema<P>{}
        .field("weight_bits", &P::weight_bits, "Width of weights.", bits_between(1, 1))
        .field("activation_bits", &P::activation_bits, "Width of layer inputs.",
               bits_between(1, 4))
        .field("levels", &P::levels,
               "Multiples of the best step for N(0, 1), or its Lloyd-Max centres.",
               one_of({"uniform", "lloyd"}))
        .field("backward", &P::backward,
               "Slope for x > 0: 1 up to q_m and then 0, 1 throughout, or 1 / (x - q_m + "
               "1) beyond q_m.",
               one_of({"clipped", "vanilla", "log"}));
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

std::vector<float> centres(const HwgqParams& params) {
  const int m = (1 << params.activation_bits) - 1;
  if (params.levels == "lloyd") return lloyd_centres(m);
  std::vector<float> q;
  for (int i = 1; i <= m; ++i) {
    q.push_back(float(i) * kUniformSteps[params.activation_bits - 1]);
  }
  return q;
}

// Levels 0, q_1, ..., q_m; x takes level i where it is beyond i thresholds, 0 the first.
template <int m>
struct Staircase {
  explicit Staircase(const std::vector<float>& q) {
    for (int i = 0; i < m; ++i) {
      level[i] = q[std::size_t(i)];
      threshold[i] = i == 0 ? 0 : (level[i - 1] + level[i]) / 2;
    }
  }
  float value(float x) const {
    float v = 0;
    for (int i = 0; i < m; ++i) v = x > threshold[i] ? level[i] : v;
    return v;
  }
  std::int32_t code(float x) const {
    std::int32_t code = 0;
    for (int i = 0; i < m; ++i) code += x > threshold[i];
    return code;
  }
  float level[m], threshold[m];
};

template <int m>
class HalfWave final : public Quantizer {
 public:
  HalfWave(const std::vector<float>& q, const std::string& backward)
      : stairs_(q), backward_(backward) {}

  void forward(std::span<const float> x, std::span<float> y, const Pass&) const override {
    transform(x, y, [s = stairs_](float v) { return s.value(v); });
  }

  void encode(std::span<const float> x, std::span<std::int32_t> codes) const override {
    transform(x, codes, [s = stairs_](float v) { return s.code(v); });
  }

  void backward(std::span<const float> x, std::span<const float> dy, std::span<float> dx,
                std::span<double>, const Pass&) const override {
    const float top = stairs_.level[m - 1];
    if (backward_ == "vanilla") {
      transform(x, dy, dx, [](float v, float g) { return v > 0 ? g : 0.0f; });
    } else if (backward_ == "log") {
      transform(x, dy, dx, [top](float v, float g) {
        return v > 0 ? g / (v > top ? v - top + 1 : 1) : 0.0f;
      });
    } else {
      transform(x, dy, dx,
                [top](float v, float g) { return (0 < v) & (v <= top) ? g : 0.0f; });
    }
  }

  Grid grid() const override {
    LevelGrid grid{.levels = {0}};
    grid.levels.insert(grid.levels.end(), stairs_.level, stairs_.level + m);
    return {std::move(grid)};
  }

 private:
  Staircase<m> stairs_;
  std::string backward_;
};

class Hwgq final : public Method {
 public:
  using Params = HwgqParams;
  static constexpr auto summary =
      "Binary weights; activations on centres of half a Gaussian.";
  static constexpr auto reference = "https://arxiv.org/abs/1702.00953";
  static constexpr Claims weight_claims = {.zero_preserving = false};

  explicit Hwgq(const Params& params) : params_(params) {}

  std::unique_ptr<Quantizer> quantizer(const Site& site) const override {
    if (site.role == Role::kWeight && params_.weight_bits != kFloatBits) {
      return std::make_unique<BinaryWeights>(
          BinaryWeightSettings{.gradient = BinaryWeightSettings::Gradient::kIdentity,
                               .center = false,
                               .clip = 0},
          site);
    }
    if (site.role != Role::kInput) return nullptr;
    const auto q =
        params_.activation_bits == kFloatBits ? std::vector<float>{} : centres(params_);
    switch (q.size()) {
      case 1:
        return std::make_unique<HalfWave<1>>(q, params_.backward);
      case 3:
        return std::make_unique<HalfWave<3>>(q, params_.backward);
      case 7:
        return std::make_unique<HalfWave<7>>(q, params_.backward);
      case 15:
        return std::make_unique<HalfWave<15>>(q, params_.backward);
      default:
        return nullptr;
    }
  }

 private:
  Params params_;
};

}  // namespace
}  // namespace bitsweep::methods

BITSWEEP_METHOD(hwgq, bitsweep::methods::Hwgq)
