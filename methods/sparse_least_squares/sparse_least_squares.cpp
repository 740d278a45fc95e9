// Scalar quantization as sparse least squares: the levels of a layer after training, by
// l1 with a refit, or by l0, which is solved exactly. Wang, Yang, Wang, Yan, "Scalar
// Quantization as Sparse Least Square Optimization", arXiv:1803.00204.

#include <algorithm>
#include <cmath>

#include "framework/quant/method.h"
#include "framework/quant/pruning.h"
#include "methods/sparse_least_squares/levels.h"

namespace bitsweep::methods {
namespace {

struct SparseLeastSquaresParams {
  int weight_bits = 4;
  std::string penalty = "l0";
  double lambda = 0;
  bool count = true;

  static Schema<SparseLeastSquaresParams> schema() {
    using P = SparseLeastSquaresParams;
    return Schema<P>{}
        .field("weight_bits", &P::weight_bits,
               "Width of a code: a layer has at most 2^b levels.", bits_between(1, 8))
        .field("penalty", &P::penalty,
               "l0: the least squared error with so many levels, exactly; l1: jumps "
               "between levels are penalised, then levels are fitted again.",
               one_of({"l0", "l1"}))
        .field(
            "lambda", &P::lambda,
            "Penalty of l1; 0, or where it leaves more than 2^b levels: the least that "
            "does not.",
            at_least(0.0))
        .field("count", &P::count,
               "Values count as often as they stand in the tensor; else once.");
  }
};

class FittedLevels final : public Quantizer, public KnowsPruned {
 public:
  FittedLevels(const Site& site, const SparseLeastSquaresParams& params)
      : params_(params), kept_(site.elements, 1) {}

  void set_kept(std::span<const float> kept) override {
    std::copy(kept.begin(), kept.end(), kept_.begin());
  }

  void calibrate(std::span<const float> w) override {
    std::vector<double> sorted;
    for (std::size_t i = 0; i < w.size(); ++i) {
      if (kept_[i] != 0 && std::isfinite(w[i])) sorted.push_back(double(w[i]));
    }
    if (sorted.empty()) sorted.push_back(0);
    std::sort(sorted.begin(), sorted.end());
    levels_.clear();
    for (const double level : fit(sorted)) levels_.push_back(float(level) + 0.0f);
    std::sort(levels_.begin(), levels_.end());
  }

  void forward(std::span<const float> w, std::span<float> y, const Pass&) const override {
    for (std::size_t i = 0; i < y.size(); ++i) y[i] = levels_[nearest(w[i])];
  }

  void encode(std::span<const float> w, std::span<std::int32_t> codes) const override {
    for (std::size_t i = 0; i < w.size(); ++i) codes[i] = std::int32_t(nearest(w[i]));
  }

  Grid grid() const override { return {LevelGrid{.levels = levels_, .learned = true}}; }

  void visit_state(StateVisitor& visitor) override {
    visitor.values("levels", levels_);
    visitor.values("kept", kept_);
  }

 private:
  // l1 is solved by descent: it takes its time on more different values.
  std::size_t most_values() const { return params_.penalty == "l1" ? 256 : 4096; }

  std::vector<double> fit(std::span<const double> sorted) const {
    const auto values = weighed_values(sorted, most_values(), params_.count);
    const bool has_pruned = std::find(kept_.begin(), kept_.end(), 0.0f) != kept_.end();
    const std::size_t count =
        (std::size_t{1} << params_.weight_bits) - (has_pruned ? 1 : 0);
    if (params_.penalty == "l0") return OptimalLevels(values, count).levels();
    if (params_.lambda > 0) {
      auto levels = refitted(values, sparse_jumps(values, params_.lambda));
      if (levels.size() <= count) return levels;
    }
    return sparse_levels(values, count);
  }

  // Of two as near the lower; NaN goes to the level nearest to 0.
  std::size_t nearest(float v) const {
    if (std::isnan(v)) v = 0;
    const auto above = std::lower_bound(levels_.begin(), levels_.end(), v);
    const auto upper = std::size_t(above - levels_.begin());
    if (upper == 0) return 0;
    if (upper == levels_.size()) return upper - 1;
    const double down = double(v) - double(levels_[upper - 1]);
    const double up = double(levels_[upper]) - double(v);
    return down <= up ? upper - 1 : upper;
  }

  SparseLeastSquaresParams params_;
  std::vector<float> levels_ = {0};
  std::vector<float> kept_;  // 0 where a weight is pruned
};

class SparseLeastSquares final : public Method {
 public:
  using Params = SparseLeastSquaresParams;
  static constexpr auto summary =
      "Levels after training by sparse least squares, l1 or exactly l0.";
  static constexpr auto reference = "https://arxiv.org/abs/1803.00204";
  static constexpr auto formula =
      "min |W - V alpha|^2 + lambda |alpha|_1 and levels fitted again, or at most 2^b of "
      "alpha not 0; Wq = the nearest level.";
  static constexpr auto recipe = "After training, layer by layer, without data.";
  static constexpr auto departures =
      "values count as often as they occur, where the plain form counts each once "
      "(`count: false`); of more than 4096 different values (l1: 256) runs of neighbours "
      "are merged first; a value takes the nearest level, not that of its run; l1 + l2 "
      "is "
      "left out.";
  // Levels lie where the weights are, which need not be at 0.
  static constexpr Claims weight_claims = {.zero_preserving = false};

  explicit SparseLeastSquares(const Params& params) : params_(params) {}

  std::unique_ptr<Quantizer> quantizer(const Site& site) const override {
    if (site.role != Role::kWeight || params_.weight_bits == kFloatBits) return nullptr;
    return std::make_unique<FittedLevels>(site, params_);
  }

  std::vector<Stage> stages() const override {
    return {{.kind = Stage::Kind::kCalibrate, .name = "fit levels"}};
  }

 private:
  Params params_;
};

}  // namespace
}  // namespace bitsweep::methods

BITSWEEP_METHOD(sparse_least_squares, bitsweep::methods::SparseLeastSquares)
