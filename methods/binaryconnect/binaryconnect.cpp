// BinaryConnect: weights are +-H while propagating; real ones add up the small steps.
// Courbariaux, Bengio, David, "BinaryConnect: Training Deep Neural Networks with binary
// weights during propagations", arXiv:1511.00363, section 2; rates, clip and starting
// values as in the authors' code.
//
// The gradient with respect to the binary weights is applied to the real ones as it is;
// the clip after each step stops them from growing where it no longer matters. The last
// layer and the first are binary, too: `edges` says so.

#include "methods/binaryconnect/sign_weights.h"

namespace bitsweep::methods {
namespace {

struct BinaryConnectParams {
  int weight_bits = 1;
  bool stochastic = false;
  std::string scale = "one";
  std::string lr_scale = "glorot";
  std::string test_weights = "auto";
  std::string init = "keep";
  bool clip = true;
  bool decay = false;

  static Schema<BinaryConnectParams> schema() {
    using P = BinaryConnectParams;
    return Schema<P>{}
        .field("weight_bits", &P::weight_bits, "Width of a binary code.",
               bits_between(1, 1))
        .field("stochastic", &P::stochastic,
               "In training a weight is +H with probability (W/H + 1) / 2, else -H.")
        .field("scale", &P::scale,
               "H: 1, or sqrt(1.5 / (fan in + fan out)), which needs no lr_scale.",
               one_of({"one", "glorot"}))
        .field("lr_scale", &P::lr_scale,
               "Latent weights' rate: s = sqrt((fan in + fan out) / 1.5) times the "
               "recipe's (for Adam), s^2 times (for SGD from scratch), or the recipe's.",
               one_of({"glorot", "glorot_squared", "none"}))
        .field("test_weights", &P::test_weights,
               "Outside training; auto, as the authors: real where stochastic.",
               one_of({"auto", "binary", "real"}))
        .field("init", &P::init, "Latent weights begin as they are, or uniform in +-H.",
               one_of({"keep", "uniform"}))
        .field("clip", &P::clip, "Clip latent weights to [-H, H] after each step.")
        .field("decay", &P::decay, "Let weight decay act on latent weights.");
  }
};

class BinaryConnect final : public Method {
 public:
  using Params = BinaryConnectParams;
  static constexpr auto summary =
      "Binary weights (+-1) in forward and backward; full-precision weights are updated.";
  static constexpr auto reference = "https://arxiv.org/abs/1511.00363";
  static constexpr auto formula =
      "Wb = H sign(W) (or +H with probability (W/H + 1)/2); dW = dWb; W clipped "
      "to [-H, H].";
  static constexpr auto recipe =
      "From scratch, no weight decay: Adam with lr_scale glorot, or SGD with "
      "scale glorot; squared hinge; normalisation behind every layer; all "
      "layers binary.";
  static constexpr Claims weight_claims = {.zero_preserving = false};

  explicit BinaryConnect(const Params& params) : params_(params) {}

  std::unique_ptr<Quantizer> quantizer(const Site& site) const override {
    if (site.role != Role::kWeight || params_.weight_bits == kFloatBits) return nullptr;
    const bool real = params_.test_weights == "real" ||
                      (params_.test_weights == "auto" && params_.stochastic);
    return make_sign_weights(
        site, SignWeightSettings{
                  .magnitude = params_.scale == "glorot" ? glorot_bound(site) : 1,
                  .rate = latent_rate(params_.lr_scale, site),
                  .decays = params_.decay,
                  .clips = params_.clip,
                  .stochastic = params_.stochastic,
                  .real_test = real,
                  .restarts = params_.init == "uniform"});
  }

 private:
  Params params_;
};

}  // namespace
}  // namespace bitsweep::methods

BITSWEEP_METHOD(binaryconnect, bitsweep::methods::BinaryConnect)
