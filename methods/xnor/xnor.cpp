// XNOR-Net: filters alpha sign(W), inputs sign(I), so that products are xnor and count.
// Rastegari et al., "XNOR-Net: ImageNet Classification Using Binary Convolutional Neural
// Networks", ECCV 2016, sections 3.2 and 3.3; letters are the paper's. Weights are BWN's.
//
// The input scales K, the mean of |I| over each window, are an option: the released code
// has none. Blocks are normalisation, sign, convolution, pooling, in this order: behind a
// ReLU every sign would be +1.
//
// Departures: those of BWN; K multiplies a layer's bias, too.

#include "framework/quant/method.h"
#include "methods/bnn/sign_activations.h"
#include "methods/bwn/binary_weights.h"

namespace bitsweep::methods {
namespace {

struct XnorParams {
  int weight_bits = 1;
  int activation_bits = 1;
  std::string group = "filter";
  std::string ste = "exact";
  bool center = true;
  double clip_w = 1;
  bool input_scale = false;

  static Schema<XnorParams> schema() {
    using P = XnorParams;
    return Schema<P>{}
        .field("weight_bits", &P::weight_bits, "Width of weights.", bits_between(1, 1))
        .field("activation_bits", &P::activation_bits, "Width of layer inputs.",
               bits_between(1, 1))
        .field("group", &P::group, "Which weights share a scale.",
               one_of({"filter", "layer"}))
        .formerly("alpha")
        .field("ste", &P::ste,
               "Of weights. exact: through alpha, sign (where |W| < 1) and centring; "
               "paper: its equation, G (1/n + alpha where |W| < 1); identity: G.",
               one_of({"exact", "paper", "identity"}))
        .formerly("grad")
        .field("center", &P::center,
               "Subtract each kernel position's mean over the input channels first.")
        .field("clip_w", &P::clip_w,
               "Clip latent weights to this size after each step; 0: do not.",
               between(0.0, 1000.0))
        .field("input_scale", &P::input_scale,
               "Multiply each output pixel by K, the mean of |I| over its window.");
  }
};

class Xnor final : public Method {
 public:
  using Params = XnorParams;
  static constexpr auto summary =
      "Binary weights scaled by filter, and binary layer inputs.";
  static constexpr auto reference = "https://arxiv.org/abs/1603.05279";
  static constexpr auto formula =
      "y = (sign(x) * sign(W)) alpha, with K = mean |x| over each window if "
      "input_scale.";
  static constexpr auto recipe =
      "Normalisation, sign, convolution, pooling, in this order; Adam; first "
      "and last layer float.";
  static constexpr auto departures =
      "centring works on a copy of the weights and skips filters of one input channel; "
      "K multiplies a layer's bias, too.";
  // Of the weights as in BWN.
  static Claims claims(const Params& params, bool of_weights) {
    if (!of_weights) return {.zero_preserving = false};
    return {.idempotent = false,
            .monotonic = false,
            .zero_preserving = false,
            .straight_through = params.ste == "identity"};
  }

  explicit Xnor(const Params& params) : params_(params) {}

  std::unique_ptr<Quantizer> quantizer(const Site& site) const override {
    if (site.role == Role::kWeight && params_.weight_bits != kFloatBits) {
      return std::make_unique<BinaryWeights>(
          BinaryWeightSettings{.per_layer = params_.group == "layer",
                               .gradient = binary_gradient_named(params_.ste),
                               .center = params_.center,
                               .clip = float(params_.clip_w)},
          site);
    }
    if (site.role == Role::kInput && params_.activation_bits != kFloatBits) {
      const SignActivationSettings plain;
      if (params_.input_scale) return std::make_unique<ScaledSigns>(site, plain);
      return std::make_unique<SignActivations>(site, plain);
    }
    return nullptr;
  }

 private:
  Params params_;
};

}  // namespace
}  // namespace bitsweep::methods

BITSWEEP_METHOD(xnor, bitsweep::methods::Xnor)
