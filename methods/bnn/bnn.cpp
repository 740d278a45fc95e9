// BNN: weights and activations of +-1.
// Hubara, Courbariaux, Soudry, El-Yaniv, Bengio, "Binarized Neural Networks",
// arXiv:1602.02830, section 1; rates and clip as in the authors' code.
//
// A layer's input is made binary, not what the layer before it puts out: normalisation
// and pooling stand between. The network's first input stays real (`edges: image`).

#include "methods/binaryconnect/sign_weights.h"
#include "methods/bnn/sign_activations.h"

namespace bitsweep::methods {
namespace {

struct BnnParams {
  int weight_bits = 1;
  int activation_bits = 1;
  std::string ste = "clip1";
  bool stochastic = false;
  std::string lr_scale = "glorot";
  std::string init = "keep";
  bool clip = true;
  bool decay = false;

  static Schema<BnnParams> schema() {
    using P = BnnParams;
    return Schema<P>{}
        .field("weight_bits", &P::weight_bits, "Width of weights.", bits_between(1, 1))
        .field("activation_bits", &P::activation_bits, "Width of layer inputs.",
               bits_between(1, 1))
        .field("ste", &P::ste,
               "Slope of sign(x) in the backward pass: 1 or 2 - 2|x| where |x| <= 1, or "
               "BNN+'s derivative of swish.",
               one_of({"clip1", "polynomial", "swish"}))
        .field("stochastic", &P::stochastic,
               "In training an activation is +1 with probability (x + 1) / 2.")
        .field("lr_scale", &P::lr_scale,
               "Latent weights' rate: s = sqrt((fan in + fan out) / 1.5) times the "
               "recipe's (for Adam), s^2 times (for SGD from scratch), or the recipe's.",
               one_of({"glorot", "glorot_squared", "none"}))
        .field("init", &P::init, "Latent weights begin as they are, or uniform in +-1.",
               one_of({"keep", "uniform"}))
        .field("clip", &P::clip, "Clip latent weights to [-1, 1] after each step.")
        .field("decay", &P::decay, "Let weight decay act on latent weights.");
  }
};

class Bnn final : public Method {
 public:
  using Params = BnnParams;
  static constexpr auto summary = "Weights and activations of +-1, without scales.";
  static constexpr auto reference = "https://arxiv.org/abs/1602.02830";
  static constexpr auto formula =
      "Wb = sign(W), xb = sign(x); dx = g where |x| <= 1; W clipped to [-1, 1].";
  static constexpr auto recipe =
      "Convolution, pooling, normalisation, sign, in this order; Adam, squared "
      "hinge, no weight decay; all layers' weights binary, the input image in full "
      "precision.";
  static constexpr auto departures =
      "normalisation and optimizer are the ordinary ones, not the shift-based.";
  // The other slopes are smooth functions of their own.
  static Claims claims(const Params& params, bool of_weights) {
    return {.zero_preserving = false,
            .straight_through = of_weights || params.ste == "clip1"};
  }

  explicit Bnn(const Params& params) : params_(params) {}

  std::unique_ptr<Quantizer> quantizer(const Site& site) const override {
    if (site.role == Role::kWeight && params_.weight_bits != kFloatBits) {
      return make_sign_weights(
          site, SignWeightSettings{.rate = latent_rate(params_.lr_scale, site),
                                   .decays = params_.decay,
                                   .clips = params_.clip,
                                   .restarts = params_.init == "uniform"});
    }
    if (site.role == Role::kInput && params_.activation_bits != kFloatBits) {
      return std::make_unique<SignActivations>(
          site,
          SignActivationSettings{.straight_through = straight_through_named(params_.ste),
                                 .stochastic = params_.stochastic});
    }
    return nullptr;
  }

 private:
  Params params_;
};

}  // namespace
}  // namespace bitsweep::methods

BITSWEEP_METHOD(bnn, bitsweep::methods::Bnn)
