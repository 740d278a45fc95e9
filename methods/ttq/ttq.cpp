// TTQ: ternary weights -Wn, 0, Wp with two learned sizes a layer.
// Zhu, Han, Mao, Dally, "Trained Ternary Quantization", arXiv:1612.01064, section 3;
// letters are the paper's, start and threshold those of the authors' code.
//
// `init: mean` begins where a float network is, but gradients summed over a class throw
// such small sizes far where no batch normalisation follows.
//
// Departure: the paper prints dL/dWn without the minus sign that -Wn brings; the authors'
// code has it, and so has this one.

#include <algorithm>
#include <cmath>

#include "framework/engine/reductions.h"
#include "framework/quant/loops.h"
#include "framework/quant/method.h"

namespace bitsweep::methods {
namespace {

struct TtqParams {
  int weight_bits = 2;
  std::string threshold = "max";
  double t = 0.05;
  double sparsity = 0.5;
  std::string init = "one";
  std::string grad_reduce = "sum";

  static Schema<TtqParams> schema() {
    using P = TtqParams;
    return Schema<P>{}
        .field("weight_bits", &P::weight_bits, "Width of a ternary code.",
               bits_between(2, 2))
        .field("threshold", &P::threshold,
               "What becomes 0: below t max|W|, or this share of the weights.",
               one_of({"max", "sparsity"}))
        .field("t", &P::t, "Share of max|W| below which weights are 0.",
               between(0.0, 0.99))
        .field("sparsity", &P::sparsity, "Share of weights that are 0.",
               between(0.0, 0.99))
        .field("init", &P::init,
               "Wp and Wn begin at 1, as in the authors' code, or at the mean of the "
               "magnitudes they stand for, which wants `grad_reduce: mean`.",
               one_of({"one", "mean"}))
        .field("grad_reduce", &P::grad_reduce,
               "Gradients of Wp and Wn: the sum over their weights, or the mean.",
               one_of({"sum", "mean"}));
  }
};

constexpr float kLeastScale = 1e-4f;

class LearnedTernary final : public Quantizer {
 public:
  LearnedTernary(const Site& site, const TtqParams& params)
      : params_(params), wp_(site.name + ".wp", 1), wn_(site.name + ".wn", 1) {
    for (Parameter* scale : {&wp_, &wn_}) {
      scale->value[0] = 1;
      scale->minimum = kLeastScale;
    }
    if (params_.threshold == "sparsity") sizes_.resize(site.elements);
  }

  void calibrate(std::span<const float> w) override {
    if (params_.init != "mean") return;
    prepare(w);
    const auto start = [&](Parameter& scale, float side) {
      const double size = class_size(w, side);
      const double mean = size == 0 ? 0 : side * class_sum(w, w, side) / size;
      scale.value[0] = std::max(kLeastScale, float(mean));
    };
    start(wp_, 1);
    start(wn_, -1);
  }

  void prepare(std::span<const float> w) override {
    delta_ = params_.threshold == "max" ? float(params_.t) * kernels::max_abs(w)
                                        : quantile(w, params_.sparsity);
  }

  void forward(std::span<const float> w, std::span<float> y, const Pass&) const override {
    transform(w, y, [d = delta_, p = wp(), n = wn()](float v) {
      return v > d ? p : v < -d ? -n : 0.0f;
    });
  }

  void encode(std::span<const float> w, std::span<std::int32_t> codes) const override {
    transform(w, codes, [d = delta_](float v) { return 1 + (v > d) - (v < -d); });
  }

  // dW = Wp G on P, Wn G on N, G on the zeros.
  void backward(std::span<const float> w, std::span<const float> g, std::span<float> dw,
                std::span<double> sums, const Pass&) const override {
    sums[0] += size_gradient(w, g, 1);
    sums[1] -= size_gradient(w, g, -1);
    transform(w, g, dw, [d = delta_, p = wp(), n = wn()](float v, float gv) {
      return gv * (v > d ? p : v < -d ? n : 1.0f);
    });
  }
  void finish_gradient(std::span<const double> sums) override {
    wp_.gradient[0] = float(sums[0]);
    wn_.gradient[0] = float(sums[1]);
  }

  Grid grid() const override {
    return {LevelGrid{.levels = {-wn(), 0, wp()}, .learned = true}};
  }

  std::vector<Parameter*> trainable() override { return {&wp_, &wn_}; }

 private:
  float wp() const { return wp_.value[0]; }
  float wn() const { return wn_.value[0]; }

  // Of `values` where side W is beyond the threshold: the class P for 1, N for -1.
  double class_sum(std::span<const float> w, std::span<const float> values,
                   float side) const {
    return sum_over(w.size(),
                    [p = w.data(), q = values.data(), side, d = delta_](std::size_t i) {
                      return side * p[i] > d ? q[i] : 0.0f;
                    });
  }
  double class_size(std::span<const float> w, float side) const {
    return sum_over(w.size(), [p = w.data(), side, d = delta_](std::size_t i) {
      return side * p[i] > d ? 1.0f : 0.0f;
    });
  }

  double size_gradient(std::span<const float> w, std::span<const float> g,
                       float side) const {
    const double sum = class_sum(w, g, side);
    return params_.grad_reduce == "mean" ? sum / std::max(1.0, class_size(w, side)) : sum;
  }

  // The size that `share` of all |W| do not exceed; 0 for none.
  float quantile(std::span<const float> w, double share) {
    const auto rank = std::size_t(std::llround(share * double(w.size())));
    if (rank == 0) return 0;
    std::transform(w.begin(), w.end(), sizes_.begin(),
                   [](float v) { return std::isnan(v) ? 0 : std::fabs(v); });
    const auto at = sizes_.begin() + std::ptrdiff_t(rank) - 1;
    std::nth_element(sizes_.begin(), at, sizes_.end());
    return *at;
  }

  TtqParams params_;
  float delta_ = 0;
  Parameter wp_, wn_;
  std::vector<float> sizes_;  // |W|, to find a quantile
};

class Ttq final : public Method {
 public:
  using Params = TtqParams;
  static constexpr auto summary = "Ternary weights with two learned sizes a layer.";
  static constexpr auto reference = "https://arxiv.org/abs/1612.01064";
  static constexpr auto formula =
      "Wq = Wp where W > delta, -Wn where W < -delta, else 0; delta = t max "
      "|W|; Wp, Wn learned.";
  static constexpr auto recipe =
      "Fine-tuned from a float network with its own recipe; first and last "
      "layer float.";
  static constexpr auto departures =
      "the gradient of Wn has the minus sign that the printed formula lacks.";
  // Its values need not lie beyond the threshold that the weights set. The gradient of a
  // weight is multiplied by its level's size.
  static constexpr Claims weight_claims = {.idempotent = false,
                                           .straight_through = false};

  explicit Ttq(const Params& params) : params_(params) {}

  std::unique_ptr<Quantizer> quantizer(const Site& site) const override {
    if (site.role != Role::kWeight || params_.weight_bits == kFloatBits) return nullptr;
    return std::make_unique<LearnedTernary>(site, params_);
  }

 private:
  Params params_;
};

}  // namespace
}  // namespace bitsweep::methods

BITSWEEP_METHOD(ttq, bitsweep::methods::Ttq)
