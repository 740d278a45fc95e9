// WRPN: trivial fixed quantizers in [-1, 1] and [0, 1], for networks made wider.
// Mishra, Nurvitadhi, Cook, Marr, "WRPN: Wide Reduced-Precision Networks",
// arXiv:1709.01134, section 4. The widening is the model's: `network: {width: ...}`.
//
// Weights have no scale of their own, so small ones round to 0: `pre_scale: max` divides
// them by the layer's largest magnitude first and multiplies by it afterwards. One bit is
// BWN's rule, sign(W) E|W| a filter.

#include "framework/engine/elementwise.h"
#include "framework/quant/method.h"
#include "framework/quant/uniform.h"
#include "methods/bwn/binary_weights.h"
#include "methods/dorefa/quantize_k.h"

namespace bitsweep::methods {
namespace {

struct WrpnParams {
  int weight_bits = 4;
  int activation_bits = 4;
  std::string pre_scale = "none";

  static Schema<WrpnParams> schema() {
    using P = WrpnParams;
    return Schema<P>{}
        .field("weight_bits", &P::weight_bits, "Width of weights, with the sign.",
               bits_between(1, 8))
        .field("activation_bits", &P::activation_bits, "Width of layer inputs.",
               bits_between(1, 8))
        .field("pre_scale", &P::pre_scale,
               "Weights as they are, or measured in the layer's largest magnitude.",
               one_of({"none", "max"}));
  }
};

class ClippedWeights final : public Quantizer {
 public:
  explicit ClippedWeights(const WrpnParams& params)
      : steps_(float((1 << (params.weight_bits - 1)) - 1)),
        scales_(params.pre_scale == "max") {}

  void prepare(std::span<const float> w) override {
    if (!scales_) return;
    const float largest = kernels::max_abs(w);
    size_ = largest > 0 ? largest : 1;
  }

  void forward(std::span<const float> w, std::span<float> y, const Pass&) const override {
    parallel_ranges(w.size(), [&](std::size_t begin, std::size_t end) {
      kernels::fake_quantize(w.subspan(begin, end - begin), quantization(),
                             Rounding::kHalfEven, y.subspan(begin, end - begin));
    });
  }
  void encode(std::span<const float> w, std::span<std::int32_t> codes) const override {
    encode_uniform(w, codes, quantization(), Rounding::kHalfEven);
  }
  void backward(std::span<const float> w, std::span<const float> g, std::span<float> dw,
                std::span<double>, const Pass&) const override {
    transform(w, g, dw, [size = size_](float v, float gv) {
      return std::fabs(v) <= size ? gv : 0.0f;
    });
  }
  Grid grid() const override {
    const auto q = quantization();
    return {UniformGrid{
        .low = std::int32_t(q.low), .high = std::int32_t(q.high), .scale = {q.scale}}};
  }

 private:
  // A step of less than the least normal float has no inverse.
  UniformQuantization quantization() const {
    return {.scale = std::max(size_ / steps_, 1e-37f), .low = -steps_, .high = steps_};
  }

  float steps_;  // 2^(k-1) - 1, each side of 0
  bool scales_;
  float size_ = 1;  // where weights are clipped
};

class Wrpn final : public Method {
 public:
  using Params = WrpnParams;
  static constexpr auto summary =
      "Fixed grids in [-1, 1] and [0, 1], for wider networks.";
  static constexpr auto reference = "https://arxiv.org/abs/1709.01134";
  static constexpr auto formula =
      "Wq = round(clip(W, -1, 1) n) / n, n = 2^(k-1) - 1; xq = round(clip(x, 0, "
      "1) m) / m, m = 2^k - 1.";
  static constexpr auto recipe =
      "The float network's recipe on a wider network (`width`); first and last "
      "layer float.";
  static constexpr auto departures =
      "the rule for one bit is BWN's, as recalled; pre_scale is no part of the paper.";
  // One bit has no zero.
  static constexpr Claims weight_claims = {.zero_preserving = false};

  explicit Wrpn(const Params& params) : params_(params) {}

  std::unique_ptr<Quantizer> quantizer(const Site& site) const override {
    if (site.role == Role::kWeight && params_.weight_bits == 1) {
      return std::make_unique<BinaryWeights>(
          BinaryWeightSettings{.gradient = BinaryWeightSettings::Gradient::kIdentity,
                               .center = false,
                               .clip = 0},
          site);
    }
    if (site.role == Role::kWeight && params_.weight_bits != kFloatBits) {
      return std::make_unique<ClippedWeights>(params_);
    }
    if (site.role == Role::kInput && params_.activation_bits != kFloatBits) {
      return std::make_unique<UnitActivations<Clip>>(params_.activation_bits);
    }
    return nullptr;
  }

 private:
  Params params_;
};

}  // namespace
}  // namespace bitsweep::methods

BITSWEEP_METHOD(wrpn, bitsweep::methods::Wrpn)
