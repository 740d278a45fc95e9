// Deep Compression: prune, retrain, share the weights that are left, tune the shared
// values; Huffman coding is the packed model's affair. Han, Mao, Dally, arXiv:1510.00149.
//
// It is pruning (framework/quant/pruning.h) and weight sharing (methods/kmeans) one after
// the other. Shares for single layers: `pruning:` of the row takes the place of the keys
// here, and `sites:` gives layers widths of their own.

#include "framework/quant/method.h"
#include "methods/kmeans/shared_weights.h"

namespace bitsweep::methods {
namespace {

struct DeepCompressionParams {
  int weight_bits = 8;
  int fc_bits = 5;
  double conv_keep = 0.35;
  double fc_keep = 0.09;
  double quality = 0;
  double retrain_share = 0.5;
  bool restart_schedule = true;
  std::string init = "linear";
  std::string grad_reduce = "mean";

  static Schema<DeepCompressionParams> schema() {
    using P = DeepCompressionParams;
    const Allowed<double> share{"above 0, up to 1",
                                [](const double& v) { return 0 < v && v <= 1; }};
    return Schema<P>{}
        .field("weight_bits", &P::weight_bits, "Width of a code of convolutions.",
               bits_between(1, 8))
        .field("fc_bits", &P::fc_bits, "Width of a code of fully connected layers.",
               between(1, 8))
        .field("conv_keep", &P::conv_keep,
               "Share of a convolution's weights that is kept; the row's `pruning` takes "
               "its place.",
               share)
        .field("fc_keep", &P::fc_keep,
               "Share of a fully connected layer's weights that is kept; the row's "
               "`pruning` takes its place.",
               share)
        .field("quality", &P::quality,
               "Above 0, in the place of shares: weights below so many standard "
               "deviations of their layer are pruned.",
               at_least(0.0))
        .field("retrain_share", &P::retrain_share,
               "Share of the fine-tuning between pruning and clustering.",
               between(0.0, 1.0))
        .field("restart_schedule", &P::restart_schedule,
               "Retraining and the tuning of centroids have the learning rate's schedule "
               "each for itself; false: one schedule over both.")
        .field("init", &P::init, "Where centroids begin.",
               one_of({"linear", "forgy", "density"}))
        .field("grad_reduce", &P::grad_reduce,
               "Gradient of a centroid: the mean over its weights, or the paper's sum, "
               "which wants a small `quantizer_learning_rate`.",
               one_of({"sum", "mean"}));
  }
};

class DeepCompression final : public Method, public PrunesWeights {
 public:
  using Params = DeepCompressionParams;
  static constexpr auto summary =
      "Prune, retrain, share the remaining weights' values by k-means, tune them.";
  static constexpr auto reference = "https://arxiv.org/abs/1510.00149";
  static constexpr auto formula =
      "Wq_i = 0 where |W_i| was among the smallest, else C_k(i) as k-means shares it; "
      "pruned weights stay 0.";
  static constexpr auto recipe =
      "From a trained float network, all layers, biases float: pruned at once, retrained "
      "at a tenth of the rate (half of the fine-tuning here), clustered, centroids tuned "
      "(the other half).";
  static constexpr auto departures =
      "gradients of a centroid are averaged unless `grad_reduce: sum`; of 2^b values one "
      "is 0, as in the released format; default shares are typical of AlexNet, the "
      "paper's differ for each layer; beside a row's `pruning`, dropout is scaled where "
      "that says `scale_dropout`.";
  static constexpr int version = 2;
  // As k-means.
  static Claims claims(const Params& params, bool /*of_weights*/) {
    return {.monotonic = false,
            .zero_preserving = false,
            .straight_through = params.grad_reduce == "sum"};
  }

  explicit DeepCompression(const Params& params) : params_(params) {}

  std::unique_ptr<Quantizer> quantizer(const Site& site) const override {
    if (site.role != Role::kWeight || params_.weight_bits == kFloatBits) return nullptr;
    return std::make_unique<SharedWeights>(
        site, SharingSettings{
                  .bits = site.is_convolution ? params_.weight_bits : params_.fc_bits,
                  .init = params_.init,
                  .grad_reduce = params_.grad_reduce});
  }

  Pruning pruning(const Site& weights) const override {
    if (params_.quality > 0) return {Pruning::Threshold::kDeviation, params_.quality};
    return {.amount = weights.is_convolution ? params_.conv_keep : params_.fc_keep};
  }

  std::vector<std::string> pruning_keys() const override {
    return {"conv_keep", "fc_keep", "quality"};
  }

  bool scales_dropout() const override { return true; }

  std::vector<Stage> stages() const override {
    return {{.name = "retrain pruned",
             .share = params_.retrain_share,
             .restart_schedule = params_.restart_schedule},
            {.kind = Stage::Kind::kCalibrate, .name = "cluster"},
            {.name = "tune centroids",
             .share = 1 - params_.retrain_share,
             .restart_schedule = params_.restart_schedule}};
  }

 private:
  Params params_;
};

}  // namespace
}  // namespace bitsweep::methods

BITSWEEP_METHOD(deep_compression, bitsweep::methods::DeepCompression)
