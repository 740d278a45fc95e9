// LSQ: the step of a uniform grid is learned, with a gradient that sees how far each
// value is from its transition. Esser, McKinstry, Bablani, Appuswamy, Modha, "Learned
// Step Size Quantization", arXiv:1902.08153, section 2; letters are the paper's: v = s
// round(clip(v / s, -Qn, Qp)). LSQ+ (Bhalgat et al., arXiv:2004.09576) adds a learned
// offset beta for activations and other starting values: `offset`, `init: lsqplus`.
//
// Weights have codes -2^(b-1) to 2^(b-1) - 1; activations 0 to 2^b - 1, or those of
// weights where they can be negative and there is no offset. One signed bit is no such
// grid: Qp = 0, and the step's first value and gradient divide by it.

#include <algorithm>
#include <cmath>

#include "framework/core/error.h"
#include "framework/engine/reductions.h"
#include "framework/quant/clip_start.h"
#include "framework/quant/idle_parameters.h"
#include "framework/quant/loops.h"
#include "framework/quant/method.h"
#include "framework/quant/pruning.h"
#include "framework/quant/uniform.h"

namespace bitsweep::methods {
namespace {

struct LsqParams {
  int weight_bits = 4;
  int activation_bits = 4;
  std::string group = "layer";
  std::string init = "lsq";
  double percentile = 99.9;
  std::string grad_scale = "sqrt_nq";
  bool offset = false;

  static Schema<LsqParams> schema() {
    using P = LsqParams;
    return Schema<P>{}
        .field("weight_bits", &P::weight_bits, "Width of weights, with the sign.",
               bits_between(2, 8))
        .field(
            "activation_bits", &P::activation_bits,
            "Width of layer inputs; 1 where they cannot be negative, or with `offset`.",
            bits_between(1, 8))
        .field("group", &P::group, "Which weights share a step.",
               one_of({"layer", "filter"}))
        .field("init", &P::init,
               "The step begins at 2 E|v| / sqrt(Qp); at max|mean +- 3 deviations| / "
               "2^(b-1) for weights and the least square error for activations; at the "
               "least square error for both; or with a percentile of |v| at code Qp.",
               one_of({"lsq", "lsqplus", "mse", "percentile"}))
        .field("percentile", &P::percentile, kPercentileHelp, between(1.0, 100.0))
        .field("grad_scale", &P::grad_scale,
               "Factor of the step's gradient: 1 / sqrt(N Qp), 1 / sqrt(N) or 1, N the "
               "values of a step (of one image, for activations).",
               one_of({"sqrt_nq", "sqrt_n", "one"}))
        .field("offset", &P::offset, "LSQ+: learn an offset of activations, too.");
  }
};

constexpr float kLeastStep = 1e-8f;

// Codes from -Qn to Qp.
struct Codes {
  int low, high;
};
Codes signed_codes(int bits) { return {-(1 << (bits - 1)), (1 << (bits - 1)) - 1}; }
Codes unsigned_codes(int bits) { return {0, (1 << bits) - 1}; }

float sound(double step) {
  constexpr double kLargest = 1e37;  // its largest code is still a float
  return std::isfinite(step) ? float(std::clamp(step, double(kLeastStep), kLargest))
                             : float(kLargest);
}

// In double: squares of floats overflow, and float sums cancel in a deviation.
double mean_of(std::span<const float> x) {
  const double sum =
      sum_over(x.size(), [p = x.data()](std::size_t i) { return double(p[i]); });
  return sum / double(x.size());
}
double deviation_of(std::span<const float> x, double mean) {
  const double squares = sum_over(x.size(), [p = x.data(), mean](std::size_t i) {
    return (double(p[i]) - mean) * (double(p[i]) - mean);
  });
  return std::sqrt(squares / std::max(1.0, double(x.size()) - 1));
}
double magnitudes_of(std::span<const float> x) {
  return sum_over(x.size(),
                  [p = x.data()](std::size_t i) { return std::fabs(double(p[i])); });
}

double square_error(std::span<const float> x, const UniformQuantization& q) {
  return sum_over(x.size(), [p = x.data(), q](std::size_t i) {
    const float code = uniform_code(p[i], q, [](float v) { return std::rint(v); });
    const double error = double(p[i]) - double(q.scale * (code - q.zero_point));
    return error * error;
  });
}

// With a step much finer than an offset the zero point -beta / s has no room for codes
// beside it: values that are all the same have such a step.
float finest_step(float low, float high) {
  return std::max(kLeastStep, std::max(std::fabs(low), std::fabs(high)) * 0x1p-20f);
}

// Step and offset, beta = low + code 0, of the least square error among hundredths of the
// range; without `moves` the offset is 0.
struct Start {
  float step, offset;
};
Start least_square_error(std::span<const float> x, Codes codes, bool moves) {
  if (x.empty()) return {1, 0};
  const MinMax range = kernels::min_max(x);
  const double span = moves
                          ? double(range.max) - range.min
                          : std::max(double(range.max) / std::max(1, codes.high),
                                     codes.low < 0 ? double(range.min) / codes.low : 0) *
                                (codes.high - codes.low);
  const float least_step = moves ? finest_step(range.min, range.max) : kLeastStep;
  Start best{std::max(sound(span / (codes.high - codes.low)), least_step),
             moves ? range.min : 0};
  double least = -1;
  const int shifts = moves ? 20 : 1;
  for (int part = 1; part <= 100; ++part) {
    const float step =
        std::max(sound(span * part / 100 / (codes.high - codes.low)), least_step);
    for (int shift = 0; shift < shifts; ++shift) {
      const double free = span * (100 - part) / 100;
      const float offset =
          moves
              ? float(range.min + free * shift / (shifts - 1) - double(step) * codes.low)
              : 0.0f;
      const double error = square_error(x, {.scale = step,
                                            .zero_point = -offset / step,
                                            .low = float(codes.low),
                                            .high = float(codes.high)});
      if (least >= 0 && error >= least) continue;
      least = error;
      best = {step, offset};
    }
  }
  return best;
}

// The grid of all values but those beyond `clip`, either way.
Start within_clip(const Range& seen, float clip, Codes codes, bool moves) {
  if (!moves) return {sound(double(clip) / codes.high), 0};
  const float low = std::max(seen.low, -clip), high = std::min(seen.high, clip);
  const double step = (double(high) - low) / (codes.high - codes.low);
  return {std::max(sound(step), finest_step(low, high)), low};
}

// Where x is on the grid of codes: v = (x - beta) / s.
float position(float x, const UniformQuantization& q) {
  return x / q.scale + q.zero_point;
}
bool within(float v, const UniformQuantization& q) { return (q.low < v) & (v < q.high); }

// dx = g inside; g dvq/ds to the step's sum: round(v) - v inside, the end's code outside,
// for there vq = s code + beta.
auto through_step(const UniformQuantization& q) {
  return [q](float x, float g) {
    const float v = position(x, q);
    const float inside = std::rint(v) - v;
    return ValueAndTerm{.value = within(v, q) ? g : 0.0f,
                        .term = g * (v <= q.low    ? q.low
                                     : v >= q.high ? q.high
                                                   : inside)};
  };
}

class LearnedStep : public Quantizer {
 public:
  LearnedStep(const Site& site, const LsqParams& params, Codes codes, std::size_t steps)
      : params_(params), codes_(codes), step_(site.name + ".step", steps) {
    std::fill(step_.value.span().begin(), step_.value.span().end(), 1.0f);
    step_.minimum = kLeastStep;
    step_.decay_multiplier = 0;
  }

 protected:
  UniformQuantization quantization(std::size_t group, float offset = 0) const {
    const float step = step_.value[group];
    return {.scale = step,
            .zero_point = -offset / step,
            .low = float(codes_.low),
            .high = float(codes_.high)};
  }

  // 2 E|v| / sqrt(Qp).
  float paper_start(double mean_magnitude) const {
    return sound(2 * mean_magnitude / std::sqrt(double(codes_.high)));
  }

  double gradient_scale(double count) const {
    if (params_.grad_scale == "one") return 1;
    const double levels = params_.grad_scale == "sqrt_nq" ? codes_.high : 1;
    return 1 / std::sqrt(count * levels);
  }

  LsqParams params_;
  Codes codes_;
  Parameter step_;
};

class Weights final : public LearnedStep, public KnowsPruned {
 public:
  Weights(const Site& site, const LsqParams& params)
      : Weights(
            site, params,
            params.group == "filter" ? site.channels : ChannelLayout{1, site.elements}) {}

  void set_kept(std::span<const float> kept) override {
    kept_.assign(kept.begin(), kept.end());
  }

  void calibrate(std::span<const float> w) override {
    const std::span<const float> kept = kept_;
    for_each_group([&](std::size_t group) {
      const auto left = left_of(part(w, group), kept.empty() ? kept : part(kept, group));
      step_.value[group] = left.empty() ? 1.0f : start(left);
    });
  }

  void forward(std::span<const float> w, std::span<float> y, const Pass&) const override {
    for_each_group([&](std::size_t group) {
      const auto from = part(w, group);
      const auto to = part(y, group);
      parallel_ranges(from.size(), [&](std::size_t begin, std::size_t end) {
        kernels::fake_quantize(from.subspan(begin, end - begin), quantization(group),
                               Rounding::kHalfEven, to.subspan(begin, end - begin));
      });
    });
  }

  void encode(std::span<const float> w, std::span<std::int32_t> codes) const override {
    for_each_group([&](std::size_t group) {
      encode_uniform(part(w, group), part(codes, group), quantization(group),
                     Rounding::kHalfEven);
    });
  }

  void backward(std::span<const float> w, std::span<const float> g, std::span<float> dw,
                std::span<double> sums, const Pass&) const override {
    for_each_group([&](std::size_t group) {
      sums[group] += transform_and_sum(part(w, group), part(g, group), part(dw, group),
                                       through_step(quantization(group)));
    });
  }
  void finish_gradient(std::span<const double> sums) override {
    const double scale = gradient_scale(double(layout_.inner));
    for (std::size_t group = 0; group < sums.size(); ++group) {
      step_.gradient[group] = float(scale * sums[group]);
    }
  }

  Grid grid() const override {
    const auto steps = step_.value.span();
    return {UniformGrid{.low = codes_.low,
                        .high = codes_.high,
                        .scale = {steps.begin(), steps.end()},
                        .zero_point = std::vector<float>(steps.size())},
            layout_};
  }
  std::vector<Parameter*> trainable() override { return {&step_}; }

 private:
  Weights(const Site& site, const LsqParams& params, ChannelLayout layout)
      : LearnedStep(site, params, signed_codes(params.weight_bits), layout.channels),
        layout_(layout) {}

  float start(std::span<const float> w) const {
    if (params_.init == "lsq") return paper_start(magnitudes_of(w) / double(w.size()));
    if (params_.init == "mse") return least_square_error(w, codes_, false).step;
    if (params_.init == "percentile") {
      ClipStart start("percentile", {.percentile = params_.percentile});
      start.collect(w);
      return sound(double(*start.clip()) / codes_.high);
    }
    const double mean = mean_of(w);
    return sound((std::fabs(mean) + 3 * deviation_of(w, mean)) / -codes_.low);
  }

  template <class T>
  std::span<T> part(std::span<T> values, std::size_t group) const {
    return values.subspan(group * layout_.inner, layout_.inner);
  }
  template <class Body>
  void for_each_group(Body body) const {
    parallel_blocks(int(layout_.channels), [&](int group) { body(std::size_t(group)); });
  }

  ChannelLayout layout_;
  std::vector<float> kept_;  // 0 where pruned; or none
};

class Activations final : public LearnedStep {
 public:
  Activations(const Site& site, const LsqParams& params)
      : LearnedStep(site, params,
                    site.is_signed && !params.offset
                        ? signed_codes(params.activation_bits)
                        : unsigned_codes(params.activation_bits),
                    1),
        features_(double(site.elements)),
        percentile_("percentile", {.percentile = params.percentile}),
        seen_(make_range_estimator("min_max")),
        offset_(site.name + ".offset", 1) {
    offset_.decay_multiplier = 0;
  }

  void calibrate(std::span<const float> x) override {
    magnitudes_ += magnitudes_of(x);
    count_ += double(x.size());
    if (params_.init == "percentile") {
      percentile_.collect(x);
      return seen_->collect(x);
    }
    const std::size_t stride = 1 + x.size() / kSampled;
    for (std::size_t i = 0; i < x.size() && sample_.size() < 8 * kSampled; i += stride) {
      if (std::isfinite(x[i])) sample_.push_back(x[i]);
    }
  }
  void finish_calibration() override {
    if (count_ == 0) return;
    if (params_.init == "lsq" && !params_.offset) {
      step_.value[0] = paper_start(magnitudes_ / count_);
    } else {
      const Start start =
          params_.init == "percentile"
              ? within_clip(seen_->range(), *percentile_.clip(), codes_, params_.offset)
              : least_square_error(sample_, codes_, params_.offset);
      step_.value[0] = start.step;
      offset_.value[0] = start.offset;
    }
    sample_ = {};
  }

  void forward(std::span<const float> x, std::span<float> y, const Pass&) const override {
    parallel_ranges(x.size(), [&](std::size_t begin, std::size_t end) {
      kernels::fake_quantize(x.subspan(begin, end - begin), current(),
                             Rounding::kHalfEven, y.subspan(begin, end - begin));
    });
  }
  void encode(std::span<const float> x, std::span<std::int32_t> codes) const override {
    encode_uniform(x, codes, current(), Rounding::kHalfEven);
  }

  void backward(std::span<const float> x, std::span<const float> g, std::span<float> dx,
                std::span<double> sums, const Pass&) const override {
    const auto q = current();
    if (params_.offset) {  // first: dx may be written over g
      sums[1] += sum_over(x.size(), [p = x.data(), h = g.data(), q](std::size_t i) {
        return within(position(p[i], q), q) ? 0.0f : h[i];
      });
    }
    sums[0] += transform_and_sum(x, g, dx, through_step(q));
  }
  void finish_gradient(std::span<const double> sums) override {
    const double scale = gradient_scale(features_);
    step_.gradient[0] = float(scale * sums[0]);
    if (params_.offset) offset_.gradient[0] = float(scale * sums[1]);
  }

  Grid grid() const override {
    const auto q = current();
    return {UniformGrid{.low = codes_.low,
                        .high = codes_.high,
                        .scale = {q.scale},
                        .zero_point = {q.zero_point}}};
  }
  std::vector<Parameter*> trainable() override {
    if (params_.offset) return {&step_, &offset_};
    return {&step_};
  }

 private:
  static constexpr std::size_t kSampled = 4096;  // values of a calibration batch

  UniformQuantization current() const { return quantization(0, offset_.value[0]); }

  double features_;
  double magnitudes_ = 0, count_ = 0;  // of the calibration batches
  std::vector<float> sample_;
  ClipStart percentile_;
  std::unique_ptr<RangeEstimator> seen_;
  Parameter offset_;  // beta
};

class Lsq final : public Method {
 public:
  using Params = LsqParams;
  static constexpr auto summary = "Uniform grids with a learned step size.";
  static constexpr auto reference = "https://arxiv.org/abs/1902.08153";
  static constexpr auto formula =
      "xq = s round(clip(x / s, -Qn, Qp)) (+ beta); ds = sum of g (round(v) - "
      "v) inside, the end's code outside, over sqrt(N Qp).";
  static constexpr auto recipe =
      "Fine-tuned from a float network: SGD with momentum 0.9, a tenth of its "
      "rate, cosine; less weight decay at 2 and 3 bits; first and last layer at "
      "8 bits.";
  static constexpr auto departures =
      "the step begins by all calibration batches, not by the first training batch.";

  static Claims claims(const Params& params, bool of_weights) {
    return {.zero_preserving = of_weights || !params.offset};
  }

  explicit Lsq(const Params& params) : params_(params) {}

  std::vector<ParamProblem> without_effect(const RunFacts&) const override {
    return idle_percentile(params_.init);
  }

  std::unique_ptr<Quantizer> quantizer(const Site& site) const override {
    if (site.role == Role::kWeight && params_.weight_bits != kFloatBits) {
      return std::make_unique<Weights>(site, params_);
    }
    if (site.role == Role::kInput && params_.activation_bits != kFloatBits) {
      check_sign(site);
      return std::make_unique<Activations>(site, params_);
    }
    return nullptr;
  }

 private:
  void check_sign(const Site& site) const {
    if (params_.activation_bits > 1 || params_.offset || !site.is_signed) return;
    throw ConfigError(
        site.name +
        ": lsq's 1-bit inputs are 0 and s, but these can be negative; give them 2 bits, "
        "set `offset: true`, or keep this layer's in float");
  }

  Params params_;
};

}  // namespace
}  // namespace bitsweep::methods

BITSWEEP_METHOD(lsq, bitsweep::methods::Lsq)
