// BWN: the least-squares binary approximation of each filter, W = alpha sign(W).
// Rastegari et al., "XNOR-Net: ImageNet Classification Using Binary Convolutional Neural
// Networks", ECCV 2016, sections 3.1 and 3.2; letters are the paper's.
//
// Departures: the authors' code centres the latent weights themselves before each batch;
// here a copy V is centred, so that evaluating changes nothing. A filter that sees one
// input channel is not centred (its weights would all be 0), and a fully-connected layer
// is taken for a 1x1 convolution of its inputs. The code's factors on the gradient (n, 1
// - 1/C, 1e9) are left out: they act through weight decay alone, which the recipe sets.

#include <algorithm>
#include <cmath>
#include <vector>

#include "framework/engine/elementwise.h"
#include "framework/engine/reductions.h"
#include "framework/quant/loops.h"
#include "framework/quant/method.h"

namespace bitsweep::methods {
namespace {

struct BwnParams {
  int weight_bits = 1;
  std::string alpha = "filter";
  std::string grad = "exact";
  bool center = true;
  double clip_w = 1;

  static Schema<BwnParams> schema() {
    return Schema<BwnParams>{}
        .field("weight_bits", &BwnParams::weight_bits, "Width of a binary code.",
               bits_between(1, 1))
        .field("alpha", &BwnParams::alpha, "Which weights share a scale.",
               one_of({"filter", "layer"}))
        .field("grad", &BwnParams::grad,
               "exact: through alpha, sign (where |W| < 1) and centring; paper: its "
               "equation, G (1/n + alpha where |W| < 1); identity: G.",
               one_of({"exact", "paper", "identity"}))
        .field("center", &BwnParams::center,
               "Subtract each kernel position's mean over the input channels first.")
        .field("clip_w", &BwnParams::clip_w,
               "Clip latent weights to this size after each step; 0: do not.",
               between(0.0, 1000.0));
  }
};

// sign(0) = +1.
float sign(float v) { return v >= 0 ? 1.0f : -1.0f; }

// Weights that share a mean: the input channels of one kernel position, or, where nothing
// is centred, a whole filter. A filter is `count` of them.
struct Stretches {
  std::size_t count = 1;
  std::size_t size = 1;
};

Stretches stretches(const Site& site, bool center) {
  const std::size_t filter = site.channels.inner;
  const auto inputs = std::size_t(site.shape.back());
  return center && inputs > 1 ? Stretches{filter / inputs, inputs} : Stretches{1, filter};
}

float mean(std::span<const float> v) { return float(kernels::sum(v) / double(v.size())); }

class BinaryWeights final : public Quantizer {
 public:
  BinaryWeights(const BwnParams& params, const Site& site)
      : params_(params),
        centers_(params.center && site.shape.back() > 1),
        in_filter_(stretches(site, params.center)),
        layout_(site.channels),
        means_(layout_.channels * in_filter_.count),
        alphas_(layout_.channels) {}

  void prepare(std::span<const float> w) override {
    for_each_filter([&](std::size_t filter) {
      double total = 0;
      for_each_stretch(filter, [&](std::size_t index, std::size_t begin) {
        const auto own = w.subspan(begin, in_filter_.size);
        if (centers_) means_[index] = mean(own);
        total += sum_over(own.size(), [p = own.data(), m = means_[index]](std::size_t i) {
          return std::fabs(double(p[i]) - double(m));
        });
      });
      alphas_[filter] = float(total / double(layout_.inner));
    });
    if (per_layer()) std::fill(alphas_.begin(), alphas_.end(), mean(alphas_));
  }

  void forward(std::span<const float> w, std::span<float> y, const Pass&) const override {
    map(w, y, [](float v, float alpha) { return alpha * sign(v); });
  }

  void encode(std::span<const float> w, std::span<std::int32_t> codes) const override {
    map(w, codes, [](float v, float) { return std::int32_t(v >= 0); });
  }

  void backward(std::span<const float> w, std::span<const float> g, std::span<float> dw,
                std::span<double>, const Pass&) const override {
    if (params_.grad == "identity") return kernels::copy(g, dw);
    if (params_.grad == "paper") return paper_gradient(w, g, dw);
    exact_gradient(w, g, dw);
  }

  Grid grid() const override {
    LevelGrid grid{.levels = {-1, 1}, .scale = alphas_};
    if (per_layer()) grid.scale.resize(1);
    return {std::move(grid), layout_};
  }

  void after_step(std::span<float> latent) override {
    if (!changes_latent()) return;
    transform(std::span<const float>(latent), latent,
              [bound = float(params_.clip_w)](float v) {
                return v < -bound ? -bound : v > bound ? bound : v;
              });
  }
  bool changes_latent() const override { return params_.clip_w != 0; }

 private:
  // dW = G (1/n + alpha 1[|V| < 1]).
  void paper_gradient(std::span<const float> w, std::span<const float> g,
                      std::span<float> dw) const {
    const float share = 1 / float(group_size());
    map(w, g, dw, [share](float v, float gv, float alpha) {
      return gv * (share + (std::fabs(v) < 1 ? alpha : 0.0f));
    });
  }

  // dV = sign(V) / n sum_j(G_j sign(V_j)) + alpha 1[|V| < 1] G, where the sum is over the
  // n weights that share alpha; dW is dV less its mean over the input channels.
  void exact_gradient(std::span<const float> w, std::span<const float> g,
                      std::span<float> dw) const {
    const auto through_alpha = alpha_gradients(w, g);
    for_each_filter([&](std::size_t filter) {
      const float common = through_alpha[filter];
      map_filter(filter, w, g, dw, [common](float v, float gv, float alpha) {
        return sign(v) * common + (std::fabs(v) < 1 ? alpha * gv : 0.0f);
      });
      if (centers_) center_filter(filter, dw);
    });
  }

  // For each filter dL/dalpha / n.
  std::vector<float> alpha_gradients(std::span<const float> w,
                                     std::span<const float> g) const {
    std::vector<float> along(layout_.channels);
    for_each_filter([&](std::size_t filter) {
      double total = 0;
      for_each_stretch(filter, [&](std::size_t index, std::size_t begin) {
        total += sum_over(in_filter_.size,
                          [p = w.data() + begin, q = g.data() + begin, m = means_[index]](
                              std::size_t i) { return double(q[i] * sign(p[i] - m)); });
      });
      along[filter] = float(total / double(layout_.inner));
    });
    if (per_layer()) std::fill(along.begin(), along.end(), mean(along));
    return along;
  }

  void center_filter(std::size_t filter, std::span<float> dw) const {
    for_each_stretch(filter, [&](std::size_t, std::size_t begin) {
      const auto own = dw.subspan(begin, in_filter_.size);
      transform(std::span<const float>(own), own,
                [m = mean(own)](float v) { return v - m; });
    });
  }

  // y = f(V, alpha).
  template <class Out, class F>
  void map(std::span<const float> w, std::span<Out> y, F f) const {
    for_each_filter([&](std::size_t filter) {
      for_each_stretch(filter, [&](std::size_t index, std::size_t begin) {
        transform(w.subspan(begin, in_filter_.size), y.subspan(begin, in_filter_.size),
                  [f, m = means_[index], alpha = alphas_[filter]](float v) {
                    return f(v - m, alpha);
                  });
      });
    });
  }

  // dw = f(V, g, alpha).
  template <class F>
  void map(std::span<const float> w, std::span<const float> g, std::span<float> dw,
           F f) const {
    for_each_filter([&](std::size_t filter) { map_filter(filter, w, g, dw, f); });
  }
  template <class F>
  void map_filter(std::size_t filter, std::span<const float> w, std::span<const float> g,
                  std::span<float> dw, F f) const {
    for_each_stretch(filter, [&](std::size_t index, std::size_t begin) {
      transform(w.subspan(begin, in_filter_.size), g.subspan(begin, in_filter_.size),
                dw.subspan(begin, in_filter_.size),
                [f, m = means_[index], alpha = alphas_[filter]](float v, float gv) {
                  return f(v - m, gv, alpha);
                });
    });
  }

  template <class Body>
  void for_each_filter(Body body) const {
    parallel_blocks(int(layout_.channels),
                    [&](int filter) { body(std::size_t(filter)); });
  }

  // Calls `body(index, begin)`: which stretch of the tensor, and its first weight.
  template <class Body>
  void for_each_stretch(std::size_t filter, Body body) const {
    const std::size_t first = filter * in_filter_.count;
    for (std::size_t index = first; index < first + in_filter_.count; ++index) {
      body(index, index * in_filter_.size);
    }
  }

  bool per_layer() const { return params_.alpha == "layer"; }
  std::size_t group_size() const {
    return per_layer() ? layout_.inner * layout_.channels : layout_.inner;
  }

  BwnParams params_;
  bool centers_;
  Stretches in_filter_;
  ChannelLayout layout_;
  std::vector<float> means_;   // of each stretch; 0 where nothing is centred
  std::vector<float> alphas_;  // of each filter
};

class Bwn final : public Method {
 public:
  using Params = BwnParams;
  static constexpr auto summary =
      "Binary weights, scaled by each filter's mean magnitude.";
  static constexpr auto reference = "https://arxiv.org/abs/1603.05279";
  static constexpr auto departures =
      "centring works on a copy of the weights and skips filters of one input channel; "
      "the "
      "released code's gradient factors are left out.";
  // A centred weight is not compared with 0, but with its position's mean.
  static constexpr Claims weight_claims = {
      .idempotent = false, .monotonic = false, .zero_preserving = false};

  explicit Bwn(const Params& params) : params_(params) {}

  std::unique_ptr<Quantizer> quantizer(const Site& site) const override {
    if (site.role != Role::kWeight || params_.weight_bits == kFloatBits) return nullptr;
    return std::make_unique<BinaryWeights>(params_, site);
  }

 private:
  BwnParams params_;
};

}  // namespace
}  // namespace bitsweep::methods

BITSWEEP_METHOD(bwn, bitsweep::methods::Bwn)
