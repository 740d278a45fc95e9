// INQ: a growing part of the weights becomes powers of two and stays; the rest is trained
// to make up for it. Zhou, Yao, Guo, Xu, Chen, "Incremental Network Quantization: Towards
// Lossless CNNs with Low-Precision Weights", arXiv:1702.03044; letters are the paper's.
//
// A weight becomes the nearest of 0 and +-2^i, n2 <= i <= n1, by linear distance: n1 =
// floor(log2(4 max|W| / 3)), n2 = n1 + 1 - 2^(b-2). Each round begins the schedule of
// fine-tuning again. Frozen weights are put back after each step, so that neither
// momentum nor decay moves them. While rounds are to come, scores outside training are
// those of all weights quantized.
//
// The last portion is frozen without training behind it, so that the running statistics
// of batch normalisation are those of another network: they are estimated again.

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "framework/core/random.h"
#include "framework/engine/elementwise.h"
#include "framework/engine/reductions.h"
#include "framework/engine/vector_math.h"
#include "framework/quant/loops.h"
#include "framework/quant/method.h"
#include "framework/quant/pruning.h"

namespace bitsweep::methods {
namespace {

struct InqParams {
  int weight_bits = 5;
  std::vector<double> portions = {0.5, 0.75, 0.875, 1};
  std::string partition = "magnitude";
  std::string ties = "large";

  static Schema<InqParams> schema() {
    using P = InqParams;
    return Schema<P>{}
        .field(
            "weight_bits", &P::weight_bits,
            "Width of the longest code: 1 bit for zero or not, then sign and exponent.",
            bits_between(2, 8))
        .field("portions", &P::portions,
               "Share of the weights that is quantized after each round, up to 1.",
               Allowed<std::vector<double>>{"ascending shares of (0, 1], the last 1",
                                            are_portions})
        .field("partition", &P::partition,
               "Which weights are next: the largest, or a random choice.",
               one_of({"magnitude", "random"}))
        .field("ties", &P::ties,
               "Halfway between two sizes: the paper's formula takes the large one, the "
               "authors' code the small one.",
               one_of({"large", "small"}));
  }

  static bool are_portions(const std::vector<double>& portions) {
    return !portions.empty() && portions.front() > 0 && portions.back() == 1 &&
           std::adjacent_find(portions.begin(), portions.end(), std::greater_equal<>()) ==
               portions.end();
  }
};

// The nearest of 0 and +-2^i, low <= i <= high.
struct NearestPower {
  std::int32_t low = 0, high = 0;
  std::int32_t half = 0x00400000;  // of a float's fraction; less 1 where ties are small

  // i, or low - 1 for 0.
  std::int32_t exponent(float w) const {
    const auto bits = std::bit_cast<std::int32_t>(w) & 0x7fffffff;
    const std::int32_t rounded = (wrapping_sum(bits, half) >> 23) - 127;
    const std::int32_t threshold = (low + 126) << 23;  // pattern of 2^(low - 1)
    const bool is_zero = bits < threshold + (half == 0x00400000 ? 0 : 1);
    return is_zero ? low - 1 : std::clamp(rounded, low, high);
  }
  float operator()(float w) const {
    const std::int32_t e = exponent(w);
    return e < low ? 0.0f : std::copysign(power_of_2(e), w);
  }
};

class Incremental final : public Quantizer,
                          public HasStages,
                          public ChangesLatent,
                          public KnowsPruned {
 public:
  Incremental(const Site& site, const InqParams& params)
      : params_(params),
        draws_(std::uint64_t(site.seed), site.name),
        values_(site.elements),
        is_free_(site.elements, 1) {
    if (params.ties == "small") power_.half -= 1;
    set_range(1);
  }

  // The range is that of the float weights: the largest are frozen first.
  void prepare(std::span<const float> w) override {
    if (frozen_ == pruned_) set_range(kernels::max_abs(w));
  }

  // Portions are of the weights that are left; what is pruned is frozen at 0.
  void set_kept(std::span<const float> kept) override {
    pruned_ = std::size_t(std::count(kept.begin(), kept.end(), 0.0f));
    for (std::size_t i = 0; i < kept.size(); ++i) {
      if (kept[i] == 0) values_[i] = is_free_[i] = 0;
    }
    count_frozen();
  }

  void forward(std::span<const float> w, std::span<float> y,
               const Pass& pass) const override {
    if (pass.training) {
      if (w.data() != y.data()) kernels::copy(w, y);
    } else {
      transform(w, y, [power = power_](float v) { return power(v); });
    }
  }

  void backward(std::span<const float>, std::span<const float> dy, std::span<float> dw,
                std::span<double>, const Pass&) const override {
    transform(dy, std::span<const float>(is_free_), dw,
              [](float g, float free) { return free * g; });
  }

  void encode(std::span<const float> w, std::span<std::int32_t> codes) const override {
    const std::int32_t zero = power_.high - power_.low + 1;
    transform(w, codes, [power = power_, zero](float v) {
      const std::int32_t rank = power.exponent(v) - power.low + 1;  // 0 for zero
      return v < 0 ? zero - rank : zero + rank;
    });
  }

  Grid grid() const override {
    LevelGrid grid{.scale = {power_of_2(power_.high)}};
    const std::int32_t lowest = power_.low - power_.high;
    for (std::int32_t i = 0; i >= lowest; --i) grid.levels.push_back(-power_of_2(i));
    grid.levels.push_back(0);
    for (std::int32_t i = lowest; i <= 0; ++i) grid.levels.push_back(power_of_2(i));
    return {std::move(grid)};
  }

  void begin_stage(const Stage& stage, std::span<float> latent) override {
    if (frozen_ == pruned_) set_range(kernels::max_abs(latent));
    const auto left = double(latent.size() - pruned_);
    const auto target = pruned_ + std::size_t(std::llround(stage.portion * left));
    for (const std::size_t i : next(latent, target - std::min(target, frozen_))) {
      latent[i] = values_[i] = power_(latent[i]);
      is_free_[i] = 0;
      ++frozen_;
    }
  }

  void after_step(std::span<float> latent) override {
    const float* const held = values_.data();
    const float* const free = is_free_.data();
    for_each_indexed(latent, [held, free, to = latent.data()](std::size_t i, float v) {
      to[i] = free[i] != 0 ? v : held[i];
    });
  }

  void visit_state(StateVisitor& visitor) override {
    visitor.values("frozen", values_);
    visitor.values("free", is_free_);
    visitor.integer("highest_exponent", power_.high);
    visitor.integer("lowest_exponent", power_.low);
    // A layer may have more weights than a float counts.
    constexpr std::size_t kCounted = std::size_t{1} << 24;
    std::size_t pruned = pruned_ % kCounted, counts = pruned_ / kCounted;
    visitor.integer("pruned", pruned);
    visitor.integer("pruned_counts", counts);
    pruned_ = counts * kCounted + pruned;
    count_frozen();
  }

 private:
  void count_frozen() {
    frozen_ = std::size_t(std::count(is_free_.begin(), is_free_.end(), 0.0f));
  }

  // The powers that reach `largest`, as floats and their thresholds can.
  void set_range(float largest) {
    const int exponent =
        largest > 0 ? std::ilogb(std::min(largest, 0x1p120f) * 4 / 3) : 0;
    power_.high = std::clamp(exponent, -30, 120);
    power_.low = power_.high + 1 - (1 << (params_.weight_bits - 2));
  }

  // The indices of the `count` free weights whose turn it is.
  std::vector<std::size_t> next(std::span<const float> w, std::size_t count) const {
    std::vector<std::size_t> free;
    for (std::size_t i = 0; i < w.size(); ++i) {
      if (is_free_[i] != 0) free.push_back(i);
    }
    const bool random = params_.partition == "random";
    const auto rank = [&](std::size_t i) {
      return random ? draws_.uniform_at(std::uint32_t(i)) : std::fabs(w[i]);
    };
    const auto end = free.begin() + std::ptrdiff_t(std::min(count, free.size()));
    std::stable_sort(free.begin(), free.end(),
                     [&](std::size_t a, std::size_t b) { return rank(a) > rank(b); });
    free.erase(end, free.end());
    return free;
  }

  InqParams params_;
  RandomStream draws_;
  NearestPower power_;
  std::size_t frozen_ = 0;  // the pruned among them
  std::size_t pruned_ = 0;
  std::vector<float> values_;   // of frozen weights
  std::vector<float> is_free_;  // 1 or 0
};

class Inq final : public Method {
 public:
  using Params = InqParams;
  static constexpr auto summary =
      "Powers of two, frozen in rounds: a part of the weights is quantized, the rest "
      "retrained.";
  static constexpr auto reference = "https://arxiv.org/abs/1702.03044";
  static constexpr auto formula =
      "Wq = the nearest of 0, +-2^n2, ..., +-2^n1; n1 = floor(log2(4 max |W| / "
      "3)), n2 = n1 + 1 - 2^(b-2).";
  static constexpr auto recipe =
      "Fine-tuned from a float network: half of the weights are frozen, then "
      "75, 87.5 and 100 percent, each round with the schedule anew; all layers, "
      "biases float.";
  static constexpr auto departures =
      "momentum is not cleared between rounds; sizes count codes of one width; batch "
      "normalisation's running statistics are estimated again after the last freeze.";

  explicit Inq(const Params& params) : params_(params) {}

  std::unique_ptr<Quantizer> quantizer(const Site& site) const override {
    if (site.role != Role::kWeight || params_.weight_bits == kFloatBits) return nullptr;
    return std::make_unique<Incremental>(site, params_);
  }

  // Each round but the last trains for an equal share.
  std::vector<Stage> stages() const override {
    std::vector<Stage> stages = {{.kind = Stage::Kind::kCalibrate, .name = "calibrate"}};
    const std::size_t rounds = params_.portions.size();
    for (std::size_t round = 0; round < rounds; ++round) {
      const int percent = int(std::lround(100 * params_.portions[round]));
      stages.push_back({.kind = Stage::Kind::kTransform,
                        .name = fmt::format("freeze {} %", percent),
                        .portion = params_.portions[round]});
      if (round + 1 == rounds) {
        stages.push_back({.kind = Stage::Kind::kReestimateNormalisation,
                          .name = "re-estimate normalisation"});
        break;
      }
      stages.push_back({.name = fmt::format("train behind {} %", percent),
                        .share = 1 / double(rounds - 1),
                        .restart_schedule = true});
    }
    return stages;
  }

 private:
  Params params_;
};

}  // namespace
}  // namespace bitsweep::methods

BITSWEEP_METHOD(inq, bitsweep::methods::Inq)
