// A network: layers made from a model file, quantizers on their sites, and the passes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "framework/config/model_spec.h"
#include "framework/engine/loss.h"
#include "framework/nn/layer.h"
#include "framework/nn/weighted_layer.h"
#include "framework/quant/stage.h"

namespace bitsweep {

/// What training makes small.
enum class Loss { kCrossEntropy, kSquaredHinge };

/// Where a pass finds its images; both are called from several threads at once.
struct BatchSource {
  std::function<void(int index, std::span<float> image)> load;  // index within the batch
  std::function<int(int index)> label;
  /// Logits of the batch, [batch, classes], that training follows; or empty.
  std::span<const float> teacher = {};
  Distillation distillation = {};
};

struct NetworkOptions {
  ImageShape image;
  bool image_is_signed = true;
  int classes = 10;
  int batch = 100;
  std::int64_t seed = 1;
  EngineKind engine = selected_engine();
};

/// Life: construct, look at `sites()`, attach quantizers, `build()`, then run passes.
class Network {
 public:
  /// Throws ConfigError with all that is wrong with the model, each with its place.
  Network(const ModelSpec& model, const NetworkOptions& options);
  ~Network();
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  /// Every tensor that may be quantized, in network order. Names are unique.
  const std::vector<BoundSite*>& sites() const { return sites_; }
  /// Convolution and linear layers in network order; the ends are the edges.
  const std::vector<WeightedLayer*>& weighted_layers() const { return weighted_; }
  const std::vector<std::unique_ptr<Layer>>& layers() const { return layers_; }

  /// Makes each batch normalisation a part of the weights before it while both are
  /// trained, ahead of what quantizes them (see FoldedNormalisation); after quantizers are
  /// in place and before `build`. There is no `graph` then until `fold_normalisation` makes
  /// it one for good. Throws ConfigError where it is impossible.
  void fold_in_training();
  /// Between the two.
  bool folds_in_training() const;

  /// Puts a quantizer on a site, before `build`.
  void attach(BoundSite& site, std::unique_ptr<Quantizer> quantizer);
  /// Has the quantizer of `leader`, an earlier site of the same activation, serve `site`
  /// too, before `build`.
  void share(BoundSite& site, BoundSite& leader);
  /// Gives the weights their memory and what training begins with; before `build`, which
  /// does it otherwise, for values that are to be there when quantizers meet the weights.
  void draw_weights();
  /// Sizes every buffer and plans the passes. Afterwards a training step allocates
  /// nothing.
  void build();

  int batch() const { return context_.batch; }
  /// Images of the last pass, the first of the batch; 0 before any.
  int images() const { return images_; }
  int classes() const { return context_.classes; }
  std::vector<Parameter*> parameters();
  std::vector<StateTensor> state();
  /// What the network computes in evaluation, with batch normalisation folded as it is
  /// now.
  Graph graph();

  /// One forward and backward pass over a whole batch; gradients are then in
  /// `parameters()`.
  SliceLoss train_step(const BatchSource& source, Loss loss, std::int64_t step);

  /// Folds each batch normalisation right behind a convolution or linear layer, as its
  /// running statistics are now, into that layer's weights and bias: made in double,
  /// rounded once. What was normalised passes as it is from then on, in training too. A
  /// bias that a layer did not have before is not trained; it stays in float, but for a
  /// quantizer that follows the product. Throws
  /// RunError, naming it, for a normalisation that stands elsewhere.
  void fold_normalisation();

  /// The running statistics of each batch normalisation stay as they are now, and training
  /// normalises by them.
  void freeze_normalisation();

  /// Puts 0 where weights are pruned; call after each step of an optimizer.
  void clear_pruned();

  /// Quantizes and packs the weights for evaluation; call after they have changed.
  void prepare_evaluation();
  /// The first `images` images of a batch; `predictions` (as many) may be empty.
  SliceLoss evaluate(const BatchSource& source, Loss loss, int images,
                     std::span<std::int32_t> predictions);
  /// True where some layer normalises by the batch and keeps running statistics.
  bool has_batch_normalisation() const;
  /// The `count`-th batch, from 1, of a re-estimation of the running statistics: a pass
  /// that normalises by the batch and quantizes as outside training, after which they are
  /// the mean over `count` batches. Follows `prepare_evaluation`; changes nothing else.
  void estimate_normalisation(const BatchSource& source, int count);
  /// [batch, classes], of the last pass.
  std::span<const float> logits() const;

  /// Puts every site in float until it is calibrated: those of the owners whose stages
  /// have a calibration.
  void wait_for_calibration(std::span<const int> owners);
  /// Shows the weight quantizers their weights. Here and below: of the sites of `owners`
  /// (`BoundSite::owner`), of all where there are none named.
  void calibrate_weights(std::span<const int> owners = {});
  /// Runs one batch through the float network and shows each activation quantizer its
  /// values, and what they are multiplied with to those of weights that ask for it
  /// (SeesInputs). `batch_statistics`: normalise by the batch, for networks not yet trained.
  void calibrate_activations(const BatchSource& source, bool batch_statistics,
                             std::span<const int> owners = {});
  /// The sites that were calibrated quantize from now on.
  void finish_calibration(std::span<const int> owners = {});
  /// Switches quantizers of the owners on, or off: then values pass in float.
  void set_switches(SitePart part, bool on, std::span<const int> owners = {});

 private:
  // Offers each normalisation the layers that it may go into, until `fold` takes one.
  // Says of the first that none was taken for why, or "".
  std::string fold_each(const std::function<bool(Layer&, WeightedLayer&)>& fold);

  void find_sites();
  void append(const std::vector<LayerSpec>& specs);
  void append_residual(const LayerSpec& spec);
  void append_concat(const LayerSpec& spec);
  void add(std::unique_ptr<Layer> layer);
  void plan_parameters(Program& program);
  void plan_forward(Program& program, bool training);
  void plan_loss(Program& program, bool gradient);
  void plan_backward(Program& program);
  void plan_gradients(Program& program);
  SliceLoss run(const Program& program, const BatchSource& source, Loss loss, int images);

  LayerContext context_;
  Activation image_;
  Activation* end_ = nullptr;  // what the next layer reads
  std::vector<std::unique_ptr<Layer>> layers_;
  std::vector<WeightedLayer*> weighted_;
  std::vector<BoundSite*> sites_;

  const BatchSource* source_ = nullptr;  // of the pass under way
  Loss loss_ = Loss::kCrossEntropy;
  int images_ = 0;                 // that count; slices may reach beyond them
  std::vector<SliceLoss> losses_;  // one a slice
  std::vector<int> labels_;        // of the batch
  std::unique_ptr<Program> training_, preparation_, evaluation_, batch_evaluation_;
};

}  // namespace bitsweep
