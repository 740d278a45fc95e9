// TWN: weights become -alpha, 0 or alpha, by a threshold in closed form.
// Li, Zhang, Liu, "Ternary Weight Networks", arXiv:1605.04711; letters are the paper's.
// The authors' first code has one threshold and scale a layer with factor 0.7, their
// second one a filter with 0.75: `group` and `delta_factor`. Which layers stay float is
// the run's `edges`, not ours.

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "framework/engine/elementwise.h"
#include "framework/engine/reductions.h"
#include "framework/quant/loops.h"
#include "framework/quant/method.h"
#include "framework/quant/pruning.h"

namespace bitsweep::methods {
namespace {

struct TwnParams {
  int weight_bits = 2;
  std::string group = "layer";
  std::string delta = "approx";
  double delta_factor = 0.7;
  std::string ste = "identity";

  static Schema<TwnParams> schema() {
    return Schema<TwnParams>{}
        .field("weight_bits", &TwnParams::weight_bits, "Width of a ternary code.",
               bits_between(2, 2))
        .field("group", &TwnParams::group, "Which weights share a threshold and a scale.",
               one_of({"layer", "filter"}))
        .field("delta", &TwnParams::delta,
               "The threshold: a multiple of E|W|, or the best one by sorting all |W|.",
               one_of({"approx", "exact"}))
        .field(
            "delta_factor", &TwnParams::delta_factor,
            "The multiple of E|W| (approx): 2/3 suits uniform weights, 0.75 normal ones.",
            between(0.0, 2.0))
        .field("ste", &TwnParams::ste,
               "Gradient of the latent weights: all of it, or where |W| <= 1.",
               one_of({"identity", "clip1"}));
  }
};

// Delta and alpha of one group.
struct Ternary {
  float delta = 0;
  float alpha = 0;

  // T in {-1, 0, 1}.
  float sign(float w) const { return float(w > delta) - float(w < -delta); }
};

// Of the weights that are left.
float approximate_delta(std::span<const float> w, std::size_t left, double factor) {
  const double share = double(w.size()) / std::max(double(left), 1.0);
  return float(factor * (kernels::mean_abs(w) * share));
}

// Keeping the k largest |W| leaves the residual ||W||^2 - (their sum)^2 / k: the best k
// by a scan of the sorted magnitudes. Equal ones stay together, so that a threshold parts
// them.
float exact_delta(std::span<const float> w) {
  std::vector<float> sizes(w.size());
  std::transform(w.begin(), w.end(), sizes.begin(), [](float v) { return std::fabs(v); });
  std::sort(sizes.begin(), sizes.end(), std::greater<>());
  double sum = 0;
  double best_score = -1;
  float delta = 0;
  for (std::size_t k = 1; k <= sizes.size(); ++k) {
    sum += sizes[k - 1];
    const float next = k < sizes.size() ? sizes[k] : 0;
    const double score = sum * sum / double(k);
    if (next != sizes[k - 1] && score > best_score) {
      best_score = score;
      delta = next;
    }
  }
  return delta;
}

// The least-squares scale: the mean of the magnitudes beyond delta.
float best_alpha(std::span<const float> w, float delta) {
  const auto [count, sum] = kernels::beyond(w, delta);
  return count == 0 ? 0 : float(sum / double(count));
}

class TernaryWeights final : public Quantizer, public KnowsPruned {
 public:
  TernaryWeights(const TwnParams& params, const Site& site)
      : params_(params),
        ste_(straight_through_named(params.ste)),
        layout_(params.group == "filter" ? site.channels
                                         : ChannelLayout{1, site.elements}),
        left_(layout_.channels, layout_.inner),
        groups_(layout_.channels) {}

  void set_kept(std::span<const float> kept) override { left_.set_kept(kept); }

  void prepare(std::span<const float> w) override {
    for_each_group([&](std::size_t group) {
      const auto own = w.subspan(group * layout_.inner, layout_.inner);
      const float delta =
          params_.delta == "exact"
              ? exact_delta(own)
              : approximate_delta(own, left_.in(group), params_.delta_factor);
      groups_[group] = {delta, best_alpha(own, delta)};
    });
  }

  void forward(std::span<const float> w, std::span<float> y, const Pass&) const override {
    for_each_group([&](std::size_t group) {
      const std::size_t begin = group * layout_.inner;
      transform(w.subspan(begin, layout_.inner), y.subspan(begin, layout_.inner),
                [t = groups_[group]](float v) { return t.alpha * t.sign(v); });
    });
  }

  void backward(std::span<const float> w, std::span<const float> dy, std::span<float> dw,
                std::span<double>, const Pass&) const override {
    kernels::straight_through(ste_, w, dy, 0, 0, dw);
  }

  void encode(std::span<const float> w, std::span<std::int32_t> codes) const override {
    for_each_group([&](std::size_t group) {
      const std::size_t begin = group * layout_.inner;
      transform(w.subspan(begin, layout_.inner), codes.subspan(begin, layout_.inner),
                [t = groups_[group]](float v) { return std::int32_t(t.sign(v)) + 1; });
    });
  }

  Grid grid() const override {
    LevelGrid grid{.levels = {-1, 0, 1}, .scale = {}};
    for (const auto& group : groups_) grid.scale.push_back(group.alpha);
    return {std::move(grid), layout_};
  }

 private:
  template <class Body>
  void for_each_group(Body body) const {
    parallel_blocks(int(groups_.size()), [&](int group) { body(std::size_t(group)); });
  }

  TwnParams params_;
  StraightThrough ste_;
  ChannelLayout layout_;
  LeftWeights left_;
  std::vector<Ternary> groups_;
};

class Twn final : public Method {
 public:
  using Params = TwnParams;
  static constexpr auto summary = "Ternary weights with a threshold in closed form.";
  static constexpr auto reference = "https://arxiv.org/abs/1605.04711";
  static constexpr auto formula =
      "Wq = alpha T, T = 1 where W > delta, -1 where W < -delta; delta = 0.7 "
      "mean |W|, alpha = mean |W| beyond delta.";
  static constexpr auto recipe =
      "From scratch like the float network: SGD with momentum 0.9, weight decay "
      "1e-4, two steps of the rate; all layers, or all but the last.";

  // `clip1` ends at 1, wherever the levels are.
  static Claims claims(const Params& params, bool /*of_weights*/) {
    return {.straight_through = params.ste == "identity"};
  }

  explicit Twn(const Params& params) : params_(params) {}

  std::unique_ptr<Quantizer> quantizer(const Site& site) const override {
    if (site.role != Role::kWeight || params_.weight_bits == kFloatBits) return nullptr;
    return std::make_unique<TernaryWeights>(params_, site);
  }

 private:
  TwnParams params_;
};

}  // namespace
}  // namespace bitsweep::methods

BITSWEEP_METHOD(twn, bitsweep::methods::Twn)
