// BWN: the least-squares binary approximation of each filter, W = alpha sign(W).
// Rastegari et al., "XNOR-Net: ImageNet Classification Using Binary Convolutional Neural
// Networks", ECCV 2016, sections 3.1 and 3.2; letters are the paper's.
//
// Departures: the authors' code centres the latent weights themselves before each batch;
// here a copy V is centred, so that evaluating changes nothing. A filter that sees one
// input channel is not centred (its weights would all be 0), and a fully-connected layer
// is taken for a 1x1 convolution of its inputs. The code's factors on the gradient (n, 1
// - 1/C, 1e9) are left out: they act through weight decay alone, which the recipe sets.

#include "framework/quant/method.h"
#include "methods/bwn/binary_weights.h"

namespace bitsweep::methods {
namespace {

struct BwnParams {
  int weight_bits = 1;
  std::string group = "filter";
  std::string ste = "exact";
  bool center = true;
  double clip_w = 1;

  static Schema<BwnParams> schema() {
    return Schema<BwnParams>{}
        .field("weight_bits", &BwnParams::weight_bits, "Width of a binary code.",
               bits_between(1, 1))
        .field("group", &BwnParams::group, "Which weights share a scale.",
               one_of({"filter", "layer"}))
        .formerly("alpha")
        .field("ste", &BwnParams::ste,
               "exact: through alpha, sign (where |W| < 1) and centring; paper: its "
               "equation, G (1/n + alpha where |W| < 1); identity: G.",
               one_of({"exact", "paper", "identity"}))
        .formerly("grad")
        .field("center", &BwnParams::center,
               "Subtract each kernel position's mean over the input channels first.")
        .field("clip_w", &BwnParams::clip_w,
               "Clip latent weights to this size after each step; 0: do not.",
               between(0.0, 1000.0));
  }
};

class Bwn final : public Method {
 public:
  using Params = BwnParams;
  static constexpr auto summary =
      "Binary weights, scaled by each filter's mean magnitude.";
  static constexpr auto reference = "https://arxiv.org/abs/1603.05279";
  static constexpr auto formula =
      "Wq = alpha sign(V), alpha = mean |V| of the filter; V = W less its mean over "
      "input channels with `center`, else W.";
  static constexpr auto recipe =
      "Convolution, normalisation, ReLU, pooling; first and last layer float; "
      "little or no weight decay. With the exact gradient alpha multiplies the "
      "step: rates are larger than for float.";
  static constexpr auto departures =
      "centring works on a copy of the weights and skips filters of one input channel; "
      "the "
      "released code's gradient factors are left out.";
  // A centred weight is not compared with 0, but with its position's mean. Gradients of
  // `exact` and `paper` hold the slope of alpha, too.
  static Claims claims(const Params& params, bool /*of_weights*/) {
    return {.idempotent = false,
            .monotonic = false,
            .zero_preserving = false,
            .straight_through = params.ste == "identity"};
  }

  explicit Bwn(const Params& params) : params_(params) {}

  std::unique_ptr<Quantizer> quantizer(const Site& site) const override {
    if (site.role != Role::kWeight || params_.weight_bits == kFloatBits) return nullptr;
    return std::make_unique<BinaryWeights>(
        BinaryWeightSettings{.per_layer = params_.group == "layer",
                             .gradient = binary_gradient_named(params_.ste),
                             .center = params_.center,
                             .clip = float(params_.clip_w)},
        site);
  }

 private:
  BwnParams params_;
};

}  // namespace
}  // namespace bitsweep::methods

BITSWEEP_METHOD(bwn, bitsweep::methods::Bwn)
