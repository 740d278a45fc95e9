// Ristretto's static fixed point: one binary point for all tensors of the network.
// Gysel, "Ristretto: Hardware-Oriented Approximation of Convolutional Neural Networks",
// arXiv:1605.06402; as in the authors' code, values are clipped, then rounded, weights
// stochastically in training, and activations stay float in training.

#include "framework/quant/method.h"
#include "methods/dynamic_fixed_point/fixed_point.h"

namespace bitsweep::methods {
namespace {

struct StaticFixedPointParams {
  int weight_bits = 8;
  int activation_bits = 8;
  int integer_bits = 4;
  std::string rounding = "half_even";
  std::string training_rounding = "stochastic";
  bool quantize_activations_in_training = false;

  static Schema<StaticFixedPointParams> schema() {
    using P = StaticFixedPointParams;
    return Schema<P>{}
        .field("weight_bits", &P::weight_bits,
               "Width of weights and biases, with the sign.", bits_between(1, 16))
        .field("activation_bits", &P::activation_bits,
               "Width of the inputs and outputs of layers, with the sign.",
               bits_between(1, 16))
        .field("integer_bits", &P::integer_bits,
               "Bits before the binary point, with the sign: Q4.4 is 4 of 8.",
               between(-16, 32))
        .field("rounding", &P::rounding,
               "Ties: the authors' GPU code rounds to even, their CPU code away from 0.",
               one_of({"half_even", "half_away"}))
        .field("training_rounding", &P::training_rounding,
               "Of weights in training; nearest: as `rounding`.",
               one_of({"stochastic", "nearest"}))
        .field("quantize_activations_in_training", &P::quantize_activations_in_training,
               "The paper quantizes activations for evaluation only.");
  }
};

class StaticFixedPoint final : public Method {
 public:
  using Params = StaticFixedPointParams;
  static constexpr auto summary = "Fixed point with one binary point for the network.";
  static constexpr auto reference = "https://arxiv.org/abs/1605.06402";
  static constexpr auto formula =
      "Q(x) = round(clamp(x, lo, hi) 2^fl) 2^-fl, one fl = bits - integer_bits "
      "for the network.";
  static constexpr auto recipe =
      "Calibrate, then fine-tune at a tenth of the float network's last rate; "
      "weights drawn stochastically, activations float in training.";

  explicit StaticFixedPoint(const Params& params) : params_(params) {}

  std::unique_ptr<Quantizer> quantizer(const Site& site) const override {
    switch (site.role) {
      case Role::kWeight:
      case Role::kBias:
        return make(site, params_.weight_bits,
                    parameter_settings(grid(params_.weight_bits), params_.rounding,
                                       params_.training_rounding));
      case Role::kInput:
      case Role::kOutput:
        return make(site, params_.activation_bits,
                    activation_settings(grid(params_.activation_bits), params_.rounding,
                                        params_.quantize_activations_in_training));
      case Role::kGradient:
      case Role::kOperand:
        return nullptr;
    }
    return nullptr;
  }

 private:
  static std::unique_ptr<Quantizer> make(const Site& site, int bits,
                                         UniformSettings settings) {
    if (bits == kFloatBits) return nullptr;
    return std::make_unique<UniformQuantizer>(site, std::move(settings));
  }

  std::function<UniformGrid(const Range&)> grid(int bits) const {
    return [bits, il = params_.integer_bits](const Range&) {
      return fixed_point(bits, il, true);
    };
  }

  Params params_;
};

}  // namespace
}  // namespace bitsweep::methods

BITSWEEP_METHOD(static_fixed_point, bitsweep::methods::StaticFixedPoint)
