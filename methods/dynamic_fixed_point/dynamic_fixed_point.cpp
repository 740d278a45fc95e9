// Ristretto's dynamic fixed point: each tensor has its own binary point.
// Gysel, "Ristretto: Hardware-Oriented Approximation of Convolutional Neural Networks",
// arXiv:1605.06402; the rules of integer lengths are those of the authors' code.
//
// Weights get integer bits enough to avoid saturation, activations one bit fewer: their
// largest values saturate on purpose. In training, weights are rounded stochastically and
// activations stay float; ranges are those of the network before fine-tuning.
//
// Departures: a bias takes the binary point of its own largest value, where the paper
// gives it that of the layer's weights. Integer lengths end where float32 does. The paper
// has no rule for the gradient of activations quantized in training; ours is zero where
// they saturate.

#include "framework/quant/method.h"
#include "methods/dynamic_fixed_point/fixed_point.h"

namespace bitsweep::methods {
namespace {

struct DynamicFixedPointParams {
  int weight_bits = 8;
  int activation_bits = 8;
  std::string rounding = "half_even";
  std::string training_rounding = "stochastic";
  bool quantize_activations_in_training = false;
  bool unsigned_inputs = false;
  int weight_extra_bits = 0;
  int activation_extra_bits = 0;

  static Schema<DynamicFixedPointParams> schema() {
    using P = DynamicFixedPointParams;
    return Schema<P>{}
        .field("weight_bits", &P::weight_bits,
               "Width of weights and biases, with the sign.", bits_between(1, 16))
        .field("activation_bits", &P::activation_bits,
               "Width of the inputs and outputs of layers, with the sign.",
               bits_between(1, 16))
        .field("rounding", &P::rounding,
               "Ties: the authors' GPU code rounds to even, their CPU code away from 0.",
               one_of({"half_even", "half_away"}))
        .field("training_rounding", &P::training_rounding,
               "Of weights in training; nearest: as `rounding`.",
               one_of({"stochastic", "nearest"}))
        .field("quantize_activations_in_training", &P::quantize_activations_in_training,
               "The paper quantizes activations for evaluation only.")
        .field("unsigned_inputs", &P::unsigned_inputs,
               "Spend no sign bit on values that cannot be negative; the paper does.")
        .field("weight_extra_bits", &P::weight_extra_bits,
               "Added to the integer length of weights and biases; below 0 the largest "
               "saturate for a finer step.",
               between(-8, 8))
        .field("activation_extra_bits", &P::activation_extra_bits,
               "Added to the integer length of activations; at 1 none saturates.",
               between(-8, 8));
  }
};

class DynamicFixedPoint final : public Method {
 public:
  using Params = DynamicFixedPointParams;
  static constexpr auto summary =
      "Fixed point with one binary point (fractional length) per tensor.";
  static constexpr auto reference = "https://arxiv.org/abs/1605.06402";
  static constexpr auto formula =
      "Q(x) = round(clamp(x, lo, hi) 2^fl) 2^-fl, fl = bits - il; il = "
      "ceil(log2 max |W| + 1) for weights, ceil(log2 max |x|) for activations.";
  static constexpr auto recipe =
      "Calibrate on 10 batches, then fine-tune at a tenth of the float "
      "network's last rate; weights drawn stochastically, activations float in "
      "training.";
  static constexpr auto departures =
      "a bias takes the binary point of its own largest value, not that of its weights.";

  explicit DynamicFixedPoint(const Params& params) : params_(params) {}

  std::unique_ptr<Quantizer> quantizer(const Site& site) const override {
    switch (site.role) {
      case Role::kWeight:
      case Role::kBias:
        return make(site, params_.weight_bits, parameters());
      case Role::kInput:
      case Role::kOutput:
        return make(site, params_.activation_bits, activations(site));
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

  UniformSettings parameters() const {
    return parameter_settings(
        [bits = params_.weight_bits,
         extra = params_.weight_extra_bits](const Range& range) {
          return fixed_point(bits, parameter_length(range) + extra, true);
        },
        params_.rounding, params_.training_rounding);
  }

  UniformSettings activations(const Site& site) const {
    const bool is_signed = site.is_signed || !params_.unsigned_inputs;
    return activation_settings(dynamic_activations(params_.activation_bits, is_signed,
                                                   params_.activation_extra_bits),
                               params_.rounding,
                               params_.quantize_activations_in_training);
  }

  Params params_;
};

}  // namespace
}  // namespace bitsweep::methods

BITSWEEP_METHOD(dynamic_fixed_point, bitsweep::methods::DynamicFixedPoint)
