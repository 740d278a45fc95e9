// Weights on a uniform grid that pay for the bits of their codes while they are trained:
// training minimises loss + bit_cost * (bits of all codes), and so finds out which
// weights are worth theirs. What is paid for is an entropy; a packed model with its
// adaptive arithmetic coder comes close to it.
//
// The objective is that of Oktay, Balle, Singh, Shrivastava, "Scalable Model Compression
// by Entropy Penalized Reparameterization", arXiv:1906.06624; its rate is a learned
// density of noisy weights, here it is the entropy of soft codes (code_length.h).

#include <algorithm>
#include <cmath>

#include "framework/quant/loops.h"
#include "framework/quant/method.h"
#include "framework/quant/penalised.h"
#include "framework/quant/uniform.h"
#include "methods/entropy_penalty/code_length.h"

namespace bitsweep::methods {
namespace {

struct EntropyPenaltyParams {
  int weight_bits = 4;
  double bit_cost = 1e-6;
  double step = 2;
  double tune_share = 0.2;

  static Schema<EntropyPenaltyParams> schema() {
    using P = EntropyPenaltyParams;
    return Schema<P>{}
        .field("weight_bits", &P::weight_bits,
               "Width of the codes before they are coded, with the sign.",
               bits_between(2, 8))
        .field("bit_cost", &P::bit_cost,
               "Loss that a bit less is worth, in nats an image.", at_least(0.0))
        .field("step", &P::step,
               "The step begins at so many times the root mean square of the weights.",
               at_least(1e-3))
        .field("tune_share", &P::tune_share,
               "Share of the fine-tuning at the end in which zeros stay zeros and bits "
               "cost nothing.",
               between(0.0, 1.0));
  }
};

constexpr float kLeastStep = 1e-8f;

class PaidCodes final : public Quantizer,
                        public ChangesLatent,
                        public HasStages,
                        public Penalised {
 public:
  PaidCodes(const Site& site, const EntropyPenaltyParams& params)
      : params_(params),
        high_(float((1 << (params.weight_bits - 1)) - 1)),
        step_gradient_scale_(1 / std::sqrt(double(site.elements) * high_)),
        length_(site.elements / site.channels.channels, int(high_)),
        step_(site.name + ".step", 1) {
    step_.value[0] = 1;
    step_.minimum = kLeastStep;
    step_.decay_multiplier = 0;
  }

  void calibrate(std::span<const float> w) override {
    constexpr double kLargest = 1e30;
    const double squares = sum_over(w.size(), [p = w.data()](std::size_t i) {
      return std::isfinite(p[i]) ? double(p[i]) * double(p[i]) : 0.0;
    });
    const double start = params_.step * std::sqrt(squares / double(w.size()));
    step_.value[0] =
        start > 0 ? float(std::clamp(start, double(kLeastStep), kLargest)) : 1.0f;
  }

  void prepare(std::span<const float> w) override {
    if (!is_tuned()) length_.count(w, step_.value[0]);
  }

  void forward(std::span<const float> w, std::span<float> y, const Pass&) const override {
    kernels::fake_quantize(w, quantization(), Rounding::kHalfEven, y);
    clear_zeros(y);
  }
  void encode(std::span<const float> w, std::span<std::int32_t> codes) const override {
    encode_uniform(w, codes, quantization(), Rounding::kHalfEven);
    clear_zeros(codes);
  }

  // The codes are constants to the step: dL/ds = sum of dL/dWq code.
  void backward(std::span<const float> w, std::span<const float> dy, std::span<float> dw,
                std::span<double> sums, const Pass&) const override {
    const auto q = quantization();
    sums[0] += sum_over(w.size(), [p = w.data(), g = dy.data(), q](std::size_t i) {
      return g[i] * uniform_code(p[i], q, [](float v) { return std::rint(v); });
    });
    if (dw.data() != dy.data()) std::copy(dy.begin(), dy.end(), dw.begin());
    clear_zeros(dw);
  }
  void finish_gradient(std::span<const double> sums) override {
    step_.gradient[0] = float(step_gradient_scale_ * sums[0]);
  }

  double penalty(std::span<const float>) const override {
    return is_tuned() ? 0 : params_.bit_cost * length_.bits();
  }
  void add_penalty_gradient(std::span<const float> w,
                            std::span<float> gradient) const override {
    if (!is_tuned()) length_.add_gradient(w, params_.bit_cost, gradient);
  }

  // No further away than where the outermost code's cell would end: what wandered off
  // would be long on its way back.
  void after_step(std::span<float> w) override {
    const float end = (high_ + 0.5f) * step_.value[0];
    for (float& v : w) v = std::clamp(v, -end, end);
  }

  void begin_stage(const Stage&, std::span<float> w) override {
    std::vector<float> values(w.size());
    forward(w, values, {});
    kept_ = std::move(values);
    for (float& v : kept_) v = v != 0 ? 1.0f : 0.0f;
    clear_zeros(w);
  }

  Grid grid() const override {
    return {UniformGrid{.low = -std::int32_t(high_),
                        .high = std::int32_t(high_),
                        .scale = {step_.value[0]},
                        .zero_point = {0}}};
  }
  std::vector<Parameter*> trainable() override { return {&step_}; }
  void visit_state(StateVisitor& visitor) override { visitor.values("kept", kept_); }

 private:
  bool is_tuned() const { return !kept_.empty(); }
  template <class T>
  void clear_zeros(std::span<T> values) const {
    for (std::size_t i = 0; i < kept_.size(); ++i) {
      if (kept_[i] == 0) values[i] = 0;
    }
  }
  UniformQuantization quantization() const {
    return {.scale = step_.value[0], .low = -high_, .high = high_};
  }

  EntropyPenaltyParams params_;
  float high_;
  double step_gradient_scale_;
  CodeLength length_;
  Parameter step_;
  std::vector<float> kept_;  // in the last stage: 0 where a weight stays 0
};

class EntropyPenalty final : public Method {
 public:
  using Params = EntropyPenaltyParams;
  static constexpr auto summary =
      "Uniform grid; training minimises the loss and the entropy of the codes.";
  static constexpr auto reference = "https://arxiv.org/abs/1906.06624";
  static constexpr auto formula =
      "min L(Wq) + bit_cost R(W / s), Wq = s clip(round(W / s)), s learned; R the bits "
      "of "
      "soft codes, |W| / s shared between the whole numbers beside it: zero or not, by "
      "input; the sign; the size.";
  static constexpr auto recipe =
      "Both are trained from the beginning, bits paid for throughout; the rate is that "
      "of "
      "a learned density of weights with uniform noise.";
  static constexpr auto departures =
      "the grid is in the weights' own space, not behind a learned linear map; the rate "
      "is "
      "an entropy of soft codes without noise, rounding is straight through; begins with "
      "a trained float network; in the last `tune_share` zeros stay and bits are free.";
  // The step is learned as a factor of the codes.
  static constexpr Claims weight_claims = {.learns_from_rounding = false};

  explicit EntropyPenalty(const Params& params) : params_(params) {}

  std::unique_ptr<Quantizer> quantizer(const Site& site) const override {
    const bool is_stored = site.role == Role::kWeight || site.role == Role::kBias;
    if (!is_stored || params_.weight_bits == kFloatBits) return nullptr;
    return std::make_unique<PaidCodes>(site, params_);
  }

  std::vector<Stage> stages() const override {
    std::vector<Stage> all = Method::stages();
    if (params_.tune_share == 0) return all;
    all.back().share = 1 - params_.tune_share;
    all.push_back({.kind = Stage::Kind::kTransform, .name = "keep zeros"});
    all.push_back({.name = "tune", .share = params_.tune_share});
    return all;
  }

 private:
  Params params_;
};

}  // namespace
}  // namespace bitsweep::methods

BITSWEEP_METHOD(entropy_penalty, bitsweep::methods::EntropyPenalty)
