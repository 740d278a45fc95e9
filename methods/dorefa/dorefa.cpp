// DoReFa-Net: k-bit weights, activations and gradients by fixed quantizers.
// Zhou et al., "DoReFa-Net: Training Low Bitwidth Convolutional Neural Networks with Low
// Bitwidth Gradients", arXiv:1606.06160, section 2; letters are the paper's. Everything
// rests on quantize_k(r) = round((2^k - 1) r) / (2^k - 1) for r in [0, 1], straight
// through in the backward pass.
//
// Departures: the gradient's argument is clipped to [0, 1] after the noise, as in the
// authors' code; an input that `edges` keeps in float is not bounded to [0, 1] either, as
// the paper's last layer is.

#include "framework/core/random.h"
#include "framework/quant/idle_parameters.h"
#include "framework/quant/method.h"
#include "methods/dorefa/quantize_k.h"

namespace bitsweep::methods {
namespace {

struct DorefaParams {
  int weight_bits = 1;
  int activation_bits = 2;
  int gradient_bits = 32;
  std::string bound = "clip";
  std::string max_grad = "constant";

  static Schema<DorefaParams> schema() {
    return Schema<DorefaParams>{}
        .field("weight_bits", &DorefaParams::weight_bits,
               "Width of weights; 1 is sign(W) E|W|, another formula than the rest.",
               bits_between(1, 16))
        .field("activation_bits", &DorefaParams::activation_bits,
               "Width of layer inputs.", bits_between(1, 16))
        .field("gradient_bits", &DorefaParams::gradient_bits,
               "Width of the gradients of layer outputs.", bits_between(1, 16))
        .field("bound", &DorefaParams::bound,
               "What takes inputs to [0, 1]: clip(x, 0, 1), (tanh(x) + 1) / 2 or min(1, "
               "|x|).",
               one_of({"clip", "tanh", "abs"}))
        .field("max_grad", &DorefaParams::max_grad,
               "The maximum of |tanh(W)| in the backward pass: a constant, or through.",
               one_of({"constant", "through"}));
  }
};

// gq = 2m [quantize_k(clip(g / 2m + 1/2 + sigma / (2^k - 1), 0, 1)) - 1/2], m = max|g| of
// each image and sigma uniform in (-1/2, 1/2), which keeps small gradients alive in the
// mean. This is itself the backward pass. The grid is that of m = 1: each image has its
// own scale.
class Gradients final : public Quantizer {
 public:
  Gradients(int bits, const Site& site)
      : quantize_(bits, -1), noise_(std::uint64_t(site.seed), site.name) {}

  void forward(std::span<const float> g, std::span<float> y,
               const Pass& pass) const override {
    const auto noise = noise_.substream(std::uint64_t(pass.step));
    const std::size_t size = g.size() / pass.images;
    parallel_blocks(int(pass.images), [&](int image) {
      const std::size_t begin = std::size_t(image) * size;
      const auto own = g.subspan(begin, size);
      const float m = kernels::max_abs(own);
      for_each_indexed(
          own,
          [to = y.data() + begin, q = quantize_, noise, m, divisor = m > 0 ? m : 1.0f,
           first = std::uint32_t(pass.offset + begin)](std::size_t i, float v) {
            const float sigma = noise.uniform_at(first + std::uint32_t(i)) - 0.5f;
            to[i] = m * q(v / divisor * 0.5f + 0.5f + sigma / q.n);
          });
    });
  }

  Grid grid() const override { return {quantize_.grid()}; }

 private:
  QuantizeK quantize_;
  RandomStream noise_;
};

class Dorefa final : public Method {
 public:
  using Params = DorefaParams;
  static constexpr auto summary =
      "Low-bit weights, activations and gradients on fixed grids.";
  static constexpr auto reference = "https://arxiv.org/abs/1606.06160";
  static constexpr auto formula =
      "quantize_k(r) = round((2^k - 1) r) / (2^k - 1); Wq = 2 quantize_k(tanh W "
      "/ (2 max |tanh W|) + 1/2) - 1, or sign(W) mean |W|; xq = "
      "quantize_k(clip(x, 0, 1)).";
  static constexpr auto recipe =
      "Convolution, normalisation, clip; Adam from scratch; first and last "
      "layer float; keep a normalisation right behind each layer.";
  static constexpr auto departures =
      "inputs that stay float (edges) are not bounded to [0, 1].";
  // tanh is applied at each quantization, and a grid from -1 to 1 has no zero; |x| folds
  // negative values. With `through` the maximum is no constant to gradients.
  static Claims claims(const Params& params, bool of_weights) {
    if (of_weights) {
      return {.idempotent = false,
              .zero_preserving = false,
              .straight_through = params.max_grad != "through"};
    }
    const bool tanh = params.bound == "tanh";
    return {.idempotent = !tanh,
            .monotonic = params.bound != "abs",
            .zero_preserving = !tanh};
  }

  explicit Dorefa(const Params& params) : params_(params) {}

  std::vector<ParamProblem> without_effect(const RunFacts& run) const override {
    return idle_gradient_bits(params_.gradient_bits, run.steps);
  }

  std::unique_ptr<Quantizer> quantizer(const Site& site) const override {
    switch (site.role) {
      case Role::kWeight:
        return weights();
      case Role::kInput:
        return activations();
      case Role::kGradient:
        if (params_.gradient_bits == kFloatBits) return nullptr;
        return std::make_unique<Gradients>(params_.gradient_bits, site);
      case Role::kOutput:
      case Role::kBias:
      case Role::kOperand:
        return nullptr;
    }
    return nullptr;
  }

 private:
  std::unique_ptr<Quantizer> weights() const {
    if (params_.weight_bits == kFloatBits) return nullptr;
    return make_dorefa_weights(params_.weight_bits, params_.max_grad == "through");
  }

  std::unique_ptr<Quantizer> activations() const {
    const int bits = params_.activation_bits;
    if (bits == kFloatBits) return nullptr;
    if (params_.bound == "tanh") return std::make_unique<UnitActivations<Tanh>>(bits);
    if (params_.bound == "abs") return std::make_unique<UnitActivations<Abs>>(bits);
    return std::make_unique<UnitActivations<Clip>>(bits);
  }

  DorefaParams params_;
};

}  // namespace
}  // namespace bitsweep::methods

BITSWEEP_METHOD(dorefa, bitsweep::methods::Dorefa)
