// Integer quantization as the libraries do it: x ~ s (q - z), q a code of some bits, s
// and z from a range that is estimated. Jacob et al., "Quantization and Training of
// Neural Networks for Efficient Integer-Arithmetic-Only Inference", arXiv:1712.05877, and
// the rules of TensorFlow Lite, TensorRT, ONNX Runtime, PyTorch and Neural Compressor,
// which differ in codes, scales, ranges and in where they round.
//
// Ranges of activations are those of calibration, in training too. Biases, where the run
// gives them to the method (`edges.bias`), have the step of the sums they are added to
// (`product_bias.h`); ranges found at run time, blocks and float inputs or weights give no
// such step, and biases stay in float. Operands of a concatenation have a range each, where
// TensorFlow Lite gives them and the result one.

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "framework/quant/idle_parameters.h"
#include "framework/quant/method.h"
#include "framework/quant/product_bias.h"
#include "framework/quant/run_time_scales.h"
#include "framework/quant/unfit_site.h"
#include "methods/affine/affine_quantizer.h"

namespace bitsweep::methods {
namespace {

struct AffineParams {
  int weight_bits = 8;
  int activation_bits = 8;
  std::string group = "filter";
  int group_size = 64;
  std::string weight_scheme = "symmetric";
  std::string activation_scheme = "affine";
  std::string weight_codes = "restricted";
  std::string activation_codes = "unsigned";
  bool reduce_range = false;
  std::string weight_range = "max_abs";
  std::string activation_range = "min_max";
  std::string activation_scales = "calibrated";
  bool follow_weights = true;
  double percentile = 99.99;
  double momentum = 0.99;
  double deviations = 3;
  std::string scale = "largest_code";
  double least_scale = 0;
  std::string rounding = "half_even";
  std::string order = "onnx";
  bool operands = false;
  bool fold_batch_norm = false;

  static Schema<AffineParams> schema() {
    using P = AffineParams;
    const OneOf schemes = one_of({"symmetric", "affine"});
    const OneOf codes = one_of({"restricted", "signed", "unsigned", "by_sign"});
    return Schema<P>{}
        .field("weight_bits", &P::weight_bits, "Width of weights.", bits_between(2, 16))
        .field("activation_bits", &P::activation_bits, "Width of layer inputs.",
               bits_between(2, 16))
        .field("group", &P::group, "Which weights share a scale.",
               one_of({"layer", "filter", "block"}))
        .field("group_size", &P::group_size,
               "Weights in a block; a filter with fewer is one, any other must divide "
               "into whole blocks.",
               at_least(1))
        .field("weight_scheme", &P::weight_scheme,
               "Zero point in the middle of the codes, or where the range puts it.",
               schemes)
        .field("activation_scheme", &P::activation_scheme, "The same of layer inputs.",
               schemes)
        .field("weight_codes", &P::weight_codes,
               "-(2^(b-1) - 1), -2^(b-1) or 0 on; by_sign: restricted, but from 0, which "
               "is the zero point, where values cannot be negative.",
               codes)
        .field("activation_codes", &P::activation_codes, "The same of layer inputs.",
               codes)
        .field("reduce_range", &P::reduce_range,
               "Codes of layer inputs are a bit narrower, for products that saturate.")
        .field("weight_range", &P::weight_range,
               "Estimator of the weights' range. Divergence asks for more values than a "
               "filter has.",
               one_of({"max_abs", "min_max", "percentile", "mse", "histogram_pytorch",
                       "deviations", "aciq_laplace", "aciq_gauss"}))
        .field("activation_range", &P::activation_range,
               "Estimator of the inputs' range over the calibration batches.",
               one_of(range_names()))
        .field("activation_scales", &P::activation_scales,
               "calibrated: static; image: dynamic, from the least and largest value of "
               "each image at run time, whatever activation_range is; batch: the same of "
               "all images that are run together, so that results depend on the size of "
               "the batches.",
               one_of({"calibrated", "image", "batch"}))
        .field("follow_weights", &P::follow_weights,
               "Training estimates the weights' range anew at each step.")
        .field("percentile", &P::percentile, "Of the range `percentile`.",
               between(1.0, 100.0))
        .field("momentum", &P::momentum, "Of the range `moving_average`.",
               between(0.0, 0.99999))
        .field("deviations", &P::deviations,
               "Of the range `deviations`, to either side of the mean.", above(0.0))
        .field("scale", &P::scale,
               "A symmetric scale is max|x| over the largest code (127), or over half "
               "of high - low (127.5 with code -128).",
               one_of({"largest_code", "half_range"}))
        .field("least_scale", &P::least_scale, "PyTorch has 2^-23.", between(0.0, 1.0))
        .field("rounding", &P::rounding, kRoundingHelp, roundings())
        .field("order", &P::order, kOrderHelp, code_orders())
        .field("operands", &P::operands, kOperandsHelp)
        .field("fold_batch_norm", &P::fold_batch_norm,
               "Batch normalisation goes into the weights and biases before it, ahead of "
               "calibration.");
  }
};

class Affine final : public Method {
 public:
  using Params = AffineParams;
  static constexpr auto summary =
      "Integers with scale and zero point from estimated ranges, as libraries have them.";
  static constexpr auto reference = "https://arxiv.org/abs/1712.05877";
  static constexpr auto formula =
      "q = clamp(round(x / s) + z), x ~ s (q - z); s = (max - min) / (high - low), z = "
      "round(low - min / s), the range widened to hold 0; or s = max|x| / 127, z = 0.";
  static constexpr auto recipe =
      "8 bits; none after calibration, or fine-tuning with straight-through gradients.";
  static constexpr int version = 3;
  static constexpr auto departures =
      "ranges of activations stay as calibrated in training.";
  static constexpr auto biases =
      "float in training; outside it, with edges: {bias: method}, 32 bits (64 where "
      "inputs "
      "have more than 8) in steps of s of the inputs times s of the weights; float where "
      "there is no such step: ranges found at run time, blocks, float inputs or weights.";

  explicit Affine(const Params& params) : params_(params) {}

  static void check(const Params& params, std::vector<ParamProblem>& problems) {
    if (!params.reduce_range || params.activation_bits > 2) return;
    problems.push_back({"reduce_range", "2 bits of activations have none to spare"});
  }

  std::unique_ptr<Quantizer> quantizer(const Site& site) const override {
    if (site.role == Role::kBias) return bias_quantizer(site);
    const bool of_weights = site.role == Role::kWeight;
    const bool of_inputs =
        site.role == Role::kInput || (site.role == Role::kOperand && params_.operands);
    if (!of_weights && !of_inputs) return nullptr;
    const int bits = of_weights ? params_.weight_bits : params_.activation_bits;
    if (bits == kFloatBits) return nullptr;
    const int used = bits - (params_.reduce_range && !of_weights ? 1 : 0);
    AffineSettings settings{
        .codes = codes_for(of_weights ? params_.weight_codes : params_.activation_codes,
                           of_weights ? params_.weight_scheme : params_.activation_scheme,
                           used, of_weights || site.is_signed),
        .range = of_weights ? params_.weight_range : params_.activation_range,
        .options = {},
        .layout = of_weights ? weight_layout(site) : ChannelLayout{1, site.elements},
        .is_parameter = of_weights,
        .follows = params_.follow_weights};
    AffineCodes& codes = settings.codes;
    codes.half_range = params_.scale == "half_range";
    codes.least_scale = float(params_.least_scale);
    codes.rounding = rounding_named(params_.rounding);
    codes.order = order_named(params_.order);
    if (!of_weights && params_.activation_scales == "image") {
      return make_image_scales(codes, site.elements);
    }
    if (!of_weights && params_.activation_scales == "batch") {
      return make_batch_scales(codes);
    }
    const bool from_zero =
        !of_weights && !site.is_signed && (!codes.symmetric || codes.centre == codes.low);
    settings.options = {.percentile = params_.percentile,
                        .steps = (codes.high - codes.low) / (from_zero ? 1 : 2),
                        .levels = {},
                        .bits = bits,
                        .momentum = params_.momentum,
                        .deviations = params_.deviations,
                        .within_data = true};
    return std::make_unique<AffineQuantizer>(std::move(settings));
  }

  std::vector<Stage> stages() const override {
    auto stages = Method::stages();
    if (params_.fold_batch_norm) {
      Stage fold;
      fold.kind = Stage::Kind::kFoldNormalisation;
      fold.name = "fold batch normalisation";
      stages.insert(stages.begin(), fold);
    }
    return stages;
  }

  std::vector<ParamProblem> without_effect(const RunFacts& run) const override {
    const Params& p = params_;
    const bool float_weights = p.weight_bits == kFloatBits;
    const bool float_inputs = p.activation_bits == kFloatBits;
    const bool is_static = p.activation_scales == "calibrated";
    const auto has_range = [&](const std::string& name) {
      return (!float_weights && p.weight_range.starts_with(name)) ||
             (!float_inputs && is_static && p.activation_range.starts_with(name));
    };
    const bool is_symmetric = (!float_weights && p.weight_scheme == "symmetric") ||
                              (!float_inputs && p.activation_scheme == "symmetric");
    IdleParameters idle;
    idle.add_if(float_weights, {"group", "weight_scheme", "weight_codes", "weight_range"},
                kFloatWeights);
    idle.add_if(float_inputs,
                {"activation_scheme", "activation_codes", "activation_range",
                 "activation_scales"},
                kFloatInputs);
    idle.add_if(float_inputs && p.reduce_range, {"reduce_range"}, kFloatInputs);
    idle.add_if(float_inputs && p.operands, {"operands"}, kFloatInputs);
    idle.add_if(float_weights || p.group != "block", {"group_size"},
                "blocks alone have a size (group: block)");
    idle.add_if(!is_static, {"activation_range"},
                fmt::format("ranges of layer inputs are found at run time "
                            "(activation_scales: {})",
                            p.activation_scales));
    for (const auto& [name, range] : {std::pair{"percentile", "percentile"},
                                      {"momentum", "moving_average"},
                                      {"deviations", "deviations"}}) {
      idle.add_if(!has_range(range), {name},
                  fmt::format("no range is estimated by '{}'", range));
    }
    idle.add_if(!is_symmetric, {"scale"}, "nothing quantized has a symmetric scheme");
    idle.add_if(float_weights && float_inputs, {"least_scale", "rounding", "order"},
                "nothing is quantized");
    idle.add_if(!p.follow_weights && (float_weights || run.steps == 0),
                {"follow_weights"}, float_weights ? kFloatWeights : kNoTraining);
    idle.add_if(p.fold_batch_norm && !run.has_normalisation, {"fold_batch_norm"},
                kNoNormalisation);
    idle.add_if(p.operands && !run.has_operands, {"operands"}, kNoOperands);
    return std::move(idle).found();
  }

 private:
  std::unique_ptr<Quantizer> bias_quantizer(const Site& site) const {
    const bool has_step = params_.weight_bits != kFloatBits &&
                          params_.activation_bits != kFloatBits &&
                          params_.activation_scales == "calibrated";
    if (!has_step) return nullptr;
    return make_product_bias_quantizer(site.elements, rounding_named(params_.rounding));
  }

  ChannelLayout weight_layout(const Site& site) const {
    if (params_.group == "layer") return {1, site.elements};
    if (params_.group == "filter") return site.channels;
    const std::size_t filter = site.channels.inner;
    const std::size_t size = std::min(filter, std::size_t(params_.group_size));
    if (filter % size != 0) {
      throw UnfitSite(
          fmt::format("filters do not divide into blocks of {} weights", size),
          fmt::format("{} ({} weights)", site.name, filter),
          "take a divisor of them as group_size, or give these sites rules of their own "
          "under 'sites'");
    }
    return {site.elements / size, size};
  }

  Params params_;
};

}  // namespace
}  // namespace bitsweep::methods

BITSWEEP_METHOD(affine, bitsweep::methods::Affine)
