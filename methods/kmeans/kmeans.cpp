// K-means weight sharing: the weights of a layer take 2^b values, which are learned.
// Han, Mao, Dally, "Deep Compression: Compressing Deep Neural Networks with Pruning,
// Trained Quantization and Huffman Coding", arXiv:1510.00149, section 3.

#include "framework/quant/method.h"
#include "methods/kmeans/shared_weights.h"

namespace bitsweep::methods {
namespace {

struct KmeansParams {
  int weight_bits = 5;
  std::string init = "linear";
  std::string grad_reduce = "mean";
  double float_share = 0;

  static Schema<KmeansParams> schema() {
    using P = KmeansParams;
    return Schema<P>{}
        .field("weight_bits", &P::weight_bits,
               "Width of a code; a layer has 2^b values, that of pruned weights among "
               "them.",
               bits_between(1, 8))
        .field("init", &P::init,
               "Where centroids begin: equally spaced between the extremes, at random "
               "weights, or at equal steps of the cumulative distribution.",
               one_of({"linear", "forgy", "density"}))
        .field("grad_reduce", &P::grad_reduce,
               "Gradient of a centroid: the mean over its weights, or the paper's sum, "
               "which wants a small `quantizer_learning_rate`.",
               one_of({"sum", "mean"}))
        .field("float_share", &P::float_share,
               "Share of the fine-tuning before the weights are clustered.",
               between(0.0, 1.0));
  }
};

class Kmeans final : public Method {
 public:
  using Params = KmeansParams;
  static constexpr auto summary =
      "Each layer's weights share 2^b learned values, found by k-means.";
  static constexpr auto reference = "https://arxiv.org/abs/1510.00149";
  static constexpr auto formula =
      "Wq_i = C_k(i), k(i) the nearest centroid after Lloyd's iteration, fixed from then "
      "on; dL/dC_k = mean (in the paper sum) of dL/dW_i over k(i) = k.";
  static constexpr auto recipe =
      "Clustered from a trained (and pruned) float network, then centroids are tuned; "
      "linear start; 8 bits for convolutions, 5 for fully connected layers.";
  static constexpr auto departures =
      "gradients of a centroid are averaged unless `grad_reduce: sum`, for at one rate "
      "for weights and centroids the paper's sums diverge; of a pruned layer's 2^b "
      "values "
      "one is 0; the offsets of the density start, which "
      "the paper does not print, are (i + 1/2) / 2^b.";
  // A weight's cluster goes by its place, not by its value. A mean of gradients is not the
  // loss's own.
  static Claims claims(const Params& params, bool /*of_weights*/) {
    return {.monotonic = false,
            .zero_preserving = false,
            .straight_through = params.grad_reduce == "sum"};
  }

  explicit Kmeans(const Params& params) : params_(params) {}

  std::unique_ptr<Quantizer> quantizer(const Site& site) const override {
    if (site.role != Role::kWeight || params_.weight_bits == kFloatBits) return nullptr;
    return std::make_unique<SharedWeights>(
        site, SharingSettings{.bits = params_.weight_bits,
                              .init = params_.init,
                              .grad_reduce = params_.grad_reduce});
  }

  std::vector<Stage> stages() const override {
    return {{.name = "train", .share = params_.float_share},
            {.kind = Stage::Kind::kCalibrate, .name = "cluster"},
            {.name = "tune centroids", .share = 1 - params_.float_share}};
  }

 private:
  Params params_;
};

}  // namespace
}  // namespace bitsweep::methods

BITSWEEP_METHOD(kmeans, bitsweep::methods::Kmeans)
