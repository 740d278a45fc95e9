// Training for integers: a network learns with the rounding that its integer execution will
// have. Jacob et al., "Quantization and Training of Neural Networks for Efficient
// Integer-Arithmetic-Only Inference", arXiv:1712.05877, section 3; Krishnamoorthi,
// arXiv:1806.08342, section 3.2; TensorFlow's rewriter of training graphs (contrib/quantize)
// and its Model Optimization Toolkit.
//
// Weights: codes -(2^(b-1) - 1) to 2^(b-1) - 1 over max|w|, of a layer or a filter, behind
// the batch normalisation that is folded into them (see FoldedNormalisation). Activations:
// scale and zero point from a range that follows the batches. Ties go up, as floor(x + 0.5)
// has it. Biases, where the run gives them to the method (`edges.bias`), stay float in
// training, as the paper's do, and then have the step of the sums they are added to
// (`product_bias.h`).

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "framework/quant/idle_parameters.h"
#include "framework/quant/method.h"
#include "framework/quant/product_bias.h"
#include "methods/int8_training/following_range.h"
#include "methods/int8_training/learned_threshold.h"

namespace bitsweep::methods {
namespace {

struct Int8TrainingParams {
  int weight_bits = 8;
  int activation_bits = 8;
  std::string group = "filter";
  std::string activation_codes = "unsigned";
  std::string ranges = "moving_average";
  double momentum = 0.999;
  std::string start = "first_batch";
  std::string activation_range = "min_max";
  std::string rounding = "half_up";
  std::string order = "tensorflow";
  bool operands = true;
  int delay = 0;
  bool fold_batch_norm = true;
  int freeze_delay = -1;

  static Schema<Int8TrainingParams> schema() {
    using P = Int8TrainingParams;
    return Schema<P>{}
        .field("weight_bits", &P::weight_bits, "Width of weights.", bits_between(2, 16))
        .field("activation_bits", &P::activation_bits, "Width of layer inputs.",
               bits_between(2, 16))
        .field("group", &P::group, "Which weights share a scale.",
               one_of({"layer", "filter"}))
        .field(
            "activation_codes", &P::activation_codes,
            "-2^(b-1) or 0 on. Of learned ranges 0 on where values cannot be negative.",
            one_of({"signed", "unsigned"}))
        .field(
            "ranges", &P::ranges,
            "moving_average: of activations, over the batches of training; weights have "
            "theirs at each step. learned: log2 of a threshold, of weights too, whose "
            "next power of two ends a symmetric grid (TQT).",
            one_of({"moving_average", "learned"}))
        .field("momentum", &P::momentum, "Of moving averages: the weight of what was.",
               between(0.0, 0.99999))
        .field("start", &P::start,
               "Where moving averages begin: at the first batch of training, at what "
               "calibration has seen, or at [-6, 6] as TensorFlow's variables do.",
               one_of({"first_batch", "calibration", "six"}))
        .field(
            "activation_range", &P::activation_range,
            "Estimator of the inputs' range over the calibration batches: of a network "
            "that is not trained further, and where learned ranges begin.",
            one_of({"min_max", "moving_average", "percentile", "mse"}))
        .field("rounding", &P::rounding, kRoundingHelp, roundings())
        .field("order", &P::order, kOrderHelp, code_orders())
        .field("operands", &P::operands, kOperandsHelp)
        .field("delay", &P::delay,
               "Steps of training before activations are quantized; their ranges follow "
               "from the first one.",
               at_least(0))
        .field("fold_batch_norm", &P::fold_batch_norm,
               "Batch normalisation is a part of the weights before they are quantized.")
        .field("freeze_delay", &P::freeze_delay,
               "Steps of training before batch normalisation goes by its running "
               "statistics, which stay as they are then; -1: never.",
               at_least(-1));
  }
};

RangeStart start_named(const std::string& name) {
  return name == "calibration" ? RangeStart::kCalibration
         : name == "six"       ? RangeStart::kSix
                               : RangeStart::kFirstBatch;
}

// The stages of a training that something interrupts after so many steps.
class Timetable {
 public:
  void add(std::int64_t step, Stage stage) {
    events_.push_back({step, std::move(stage)});
  }

  std::vector<Stage> stages() {
    std::stable_sort(events_.begin(), events_.end(),
                     [](const Event& a, const Event& b) { return a.step < b.step; });
    std::vector<Stage> all;
    std::int64_t done = 0;
    for (const Event& event : events_) {
      if (event.step > done) {
        all.push_back({});
        all.back().steps = event.step - done;
        done = event.step;
      }
      all.push_back(event.stage);
    }
    all.push_back({});
    return all;
  }

 private:
  struct Event {
    std::int64_t step;
    Stage stage;
  };
  std::vector<Event> events_;
};

class Int8Training final : public Method {
 public:
  using Params = Int8TrainingParams;
  static constexpr auto summary =
      "Integers with scale and zero point, trained with their rounding; batch "
      "normalisation folded.";
  static constexpr auto reference = "https://arxiv.org/abs/1712.05877";
  static constexpr auto formula =
      "v = gamma w / s, s the running deviation; y = conv(x, Q(v)) s / sigma + beta - "
      "gamma mu / sigma by the batch; s and the running mean in their place once frozen.";
  static constexpr auto recipe =
      "Fine-tuned from a float network at a small learning rate, or from scratch with a "
      "delay; ranges with momentum 0.999, normalisation frozen towards the end.";
  static constexpr auto departures =
      "weights are symmetric (the paper's have a zero point); gradients pass up to half "
      "a "
      "step beyond a range, as PyTorch's do; the network's last output stays float.";

  static constexpr int version = 2;
  static constexpr auto biases =
      "float in training; behind it, with edges: {bias: method}, 32 bits (64 where "
      "inputs "
      "have more than 8) in steps of s of the inputs times s of the weights.";
  // A learned threshold's scale is a power of two, whose rounding passes gradients, too.
  static Claims claims(const Params& params, bool /*of_weights*/) {
    return {.straight_through = params.ranges != "learned"};
  }

  explicit Int8Training(const Params& params) : params_(params) {}

  std::unique_ptr<Quantizer> quantizer(const Site& site) const override {
    if (site.role == Role::kBias) return bias_quantizer(site);
    const bool of_weights = site.role == Role::kWeight;
    const bool of_inputs =
        site.role == Role::kInput || (site.role == Role::kOperand && params_.operands);
    if (!of_weights && !of_inputs) return nullptr;
    const int bits = of_weights ? params_.weight_bits : params_.activation_bits;
    if (bits == kFloatBits) return nullptr;
    const bool by_filter = of_weights && params_.group == "filter";
    const ChannelLayout layout =
        by_filter ? site.channels : ChannelLayout{1, site.elements};
    if (params_.ranges == "learned") return learned(site, bits, layout);
    AffineSettings settings{
        .codes = codes_for(of_weights ? "restricted" : params_.activation_codes,
                           of_weights ? "symmetric" : "affine", bits, true),
        .range = of_weights ? "max_abs" : params_.activation_range,
        .options = options(bits, site.is_signed),
        .layout = layout,
        .is_parameter = of_weights};
    settings.codes.rounding = rounding_named(params_.rounding);
    settings.codes.order = order_named(params_.order);
    if (of_weights) return std::make_unique<AffineQuantizer>(std::move(settings));
    return std::make_unique<FollowingRange>(std::move(settings),
                                            start_named(params_.start));
  }

  std::vector<Stage> stages() const override {
    Timetable timetable;
    if (params_.delay > 0) {
      timetable.add(0, of_activations(Stage::Kind::kSwitchOff, "float activations"));
      timetable.add(params_.delay,
                    of_activations(Stage::Kind::kSwitchOn, "quantized activations"));
    }
    if (params_.freeze_delay >= 0) {
      Stage freeze;
      freeze.kind = Stage::Kind::kFreezeNormalisation;
      freeze.name = "freeze batch normalisation";
      timetable.add(params_.freeze_delay, freeze);
    }
    auto stages = timetable.stages();
    Stage calibrate;
    calibrate.kind = Stage::Kind::kCalibrate;
    calibrate.name = "calibrate";
    stages.insert(stages.begin(), calibrate);
    return stages;
  }

  bool folds_in_training() const override { return params_.fold_batch_norm; }

  std::vector<ParamProblem> without_effect(const RunFacts& run) const override {
    const Params& p = params_;
    const bool float_inputs = p.activation_bits == kFloatBits;
    const bool is_learned = p.ranges == "learned";
    const bool is_trained = run.steps > 0;
    const bool averages_calibration = p.activation_range == "moving_average";
    IdleParameters idle;
    idle.add_if(p.weight_bits == kFloatBits, {"group"}, kFloatWeights);
    idle.add_if(float_inputs,
                {"activation_codes", "momentum", "start", "activation_range"},
                kFloatInputs);
    idle.add_if(float_inputs && p.operands, {"operands"}, kFloatInputs);
    idle.add_if(float_inputs && p.delay > 0, {"delay"}, kFloatInputs);
    idle.add_if(is_learned, {"activation_codes", "start", "rounding", "order"},
                "learned ranges have codes and ties of their own (ranges: learned)");
    idle.add_if(!is_trained, {"start"}, kNoTraining);
    idle.add_if(!is_trained && p.delay > 0, {"delay"}, kNoTraining);
    idle.add_if(!is_trained && p.freeze_delay >= 0, {"freeze_delay"}, kNoTraining);
    idle.add_if(
        (is_learned || !is_trained) && !averages_calibration, {"momentum"},
        is_learned ? "learned ranges are no averages (ranges: learned)" : kNoTraining);
    idle.add_if(is_trained && !is_learned && p.start != "calibration",
                {"activation_range"},
                "ranges begin in training; to begin at what calibration has seen: start: "
                "calibration");
    const auto late = [&](int delay, const char* outcome) {
      return fmt::format("{} steps are not fewer than the {} of training: {}", delay,
                         run.steps, outcome);
    };
    idle.refuse_if(is_trained && p.delay >= run.steps, "delay",
                   late(p.delay,
                        "activations would be quantized in none; take fewer, or "
                        "train longer"));
    idle.refuse_if(is_trained && p.freeze_delay >= run.steps, "freeze_delay",
                   late(p.freeze_delay,
                        "nothing would be frozen; take fewer, train longer, or leave it "
                        "out"));
    idle.add_if(p.fold_batch_norm && !run.has_normalisation, {"fold_batch_norm"},
                kNoNormalisation);
    idle.add_if(p.freeze_delay >= 0 && !run.has_normalisation, {"freeze_delay"},
                kNoNormalisation);
    idle.add_if(p.operands && !run.has_operands, {"operands"}, kNoOperands);
    return std::move(idle).found();
  }

 private:
  static Stage of_activations(Stage::Kind kind, const char* name) {
    Stage stage;
    stage.kind = kind;
    stage.name = name;
    stage.part = SitePart::kActivations;
    return stage;
  }

  std::unique_ptr<Quantizer> bias_quantizer(const Site& site) const {
    const bool has_step =
        params_.weight_bits != kFloatBits && params_.activation_bits != kFloatBits;
    if (!has_step) return nullptr;
    const bool is_learned = params_.ranges == "learned";  // whose ties go to even
    return make_product_bias_quantizer(
        site.elements,
        is_learned ? Rounding::kHalfEven : rounding_named(params_.rounding));
  }

  RangeOptions options(int bits, bool is_signed) const {
    const int steps = (1 << bits) - 1;
    return {.percentile = 99.99,
            .steps = is_signed ? steps / 2 : steps,
            .levels = {},
            .bits = bits,
            .momentum = params_.momentum,
            .within_data = true};
  }

  std::unique_ptr<Quantizer> learned(const Site& site, int bits,
                                     ChannelLayout layout) const {
    const bool is_weight = site.role == Role::kWeight;
    return std::make_unique<LearnedThreshold>(
        site.name, LearnedThreshold::Settings{.bits = bits,
                                              .is_weight = is_weight,
                                              .is_signed = is_weight || site.is_signed,
                                              .layout = layout,
                                              .range = params_.activation_range,
                                              .options = options(bits, site.is_signed)});
  }

  Params params_;
};

}  // namespace
}  // namespace bitsweep::methods

BITSWEEP_METHOD(int8_training, bitsweep::methods::Int8Training)
