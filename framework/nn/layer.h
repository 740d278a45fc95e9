// What a layer is to the network: shapes, parameters, sites, and its work in the passes.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "framework/config/model_spec.h"
#include "framework/core/parameter.h"
#include "framework/core/tensor.h"
#include "framework/engine/convolution.h"
#include "framework/nn/bound_site.h"
#include "framework/nn/graph.h"
#include "framework/nn/program.h"

namespace bitsweep {

/// The circumstances of the pass under way; layers read it when they run.
struct PassState {
  Pass pass;
  bool quantizing = true;  // false: the float network, for calibration
  int images = 0;          // that count, the first of the batch
  /// k >= 1: this is the k-th batch of a re-estimation, after which running statistics
  /// are the mean over k batches; 0: they follow by their momentum.
  int estimation_batch = 0;
};

/// What all layers of a network share.
struct LayerContext {
  int batch = 1;
  int classes = 10;
  std::int64_t seed = 1;
  EngineKind engine = EngineKind::kOneDnn;
  std::vector<Slice> slices;
  double weights = 0;  // of all layers made so far
  PassState state;
  /// A batch of the largest activation that something is added to; each slice uses its
  /// part and is done with it before its next phase.
  Buffer scratch;
  std::size_t scratch_elements = 0;  // an image
};

/// Where a layer puts its input's gradient: made while the backward pass is planned. The
/// last consumer of an activation writes its gradient, the others add to it by way of the
/// scratch buffer; an image's gradient goes nowhere.
class GradientSink {
 public:
  GradientSink() = default;
  GradientSink(Activation& input, LayerContext& context);
  /// For a layer that works in place: where the input's gradient is written, not added
  /// to, it takes the memory of the output's.
  static GradientSink in_place(Activation& input, Activation& output,
                               LayerContext& context);

  /// To be written in full; then `finish` makes it the input's.
  std::span<float> target(const Slice& slice) const;
  void finish(const Slice& slice) const;
  /// True when `target` is the input's gradient itself and `finish` does nothing.
  bool is_direct() const { return use_ == Use::kWrite; }

 private:
  enum class Use { kWrite, kAdd, kDiscard };
  Activation* input_ = nullptr;
  LayerContext* context_ = nullptr;
  Use use_ = Use::kDiscard;
};

/// A named tensor that makes up the state of a network: parameters, running statistics.
struct StateTensor {
  std::string name;
  std::vector<std::int64_t> shape;
  std::span<float> values;
};

class AddLayer;
class WeightedLayer;

class Layer {
 public:
  Layer(std::string name, LayerContext& context)
      : context_(context), name_(std::move(name)) {}
  virtual ~Layer() = default;
  Layer(const Layer&) = delete;
  Layer& operator=(const Layer&) = delete;

  const std::string& name() const { return name_; }
  virtual const char* kind() const = 0;
  Activation& output() { return output_; }
  const Activation& output() const { return output_; }

  virtual std::vector<Parameter*> parameters() { return {}; }
  virtual std::vector<StateTensor> state() { return {}; }
  virtual std::vector<BoundSite*> sites() { return {}; }
  /// False where another layer's pass writes what would be the output.
  virtual bool has_output() const { return true; }
  /// Adds what the layer computes in evaluation, and defines its output there.
  virtual void describe(GraphBuilder& builder) = 0;
  /// Multiply-accumulates for one image.
  virtual std::int64_t multiplications() const { return 0; }

  /// A layer that can apply what follows it in its own pass over the output takes it over
  /// and says true: a ReLU, or the addition of a residual block's shortcut. The addition
  /// is done by itself where a quantizer stands before it.
  virtual bool absorb_relu() { return false; }
  virtual bool absorb_addition(AddLayer& /*addition*/) { return false; }

  /// A batch normalisation becomes part of the layer that it reads, and does nothing from
  /// then on; false where it reads another.
  virtual bool fold_into(WeightedLayer& /*before*/) { return false; }
  /// The same while training goes on, from before `build` until `fold_into`: it becomes
  /// the source of that layer's weights.
  virtual bool fold_in_training(WeightedLayer& /*before*/) { return false; }
  /// A batch normalisation keeps its running statistics as they are, and goes by them in
  /// training too.
  virtual void freeze_statistics() {}

  /// Buffers and primitives, once quantizers are in place.
  virtual void allocate() {}
  /// The layer's part of the forward pass; called in network order.
  virtual void plan_forward(Program& program, bool training) = 0;
  /// The layer's part of the backward pass; called in reverse order. Reads the gradient
  /// of the output, writes or adds to those of the inputs (`claim_gradient`).
  virtual void plan_backward(Program& program) = 0;

 protected:
  LayerContext& context_;
  Activation output_;

 private:
  std::string name_;
};

/// A row of the layer table.
struct LayerKind {
  std::string kind;
  std::string summary;
  std::vector<FieldInfo> fields;
  std::function<std::unique_ptr<Layer>(const LayerSpec&, Activation& input,
                                       LayerContext&)>
      make;  // null where the layer has nothing to do
};

/// All kinds but `residual` and `concat`, which the network builds itself.
const std::vector<LayerKind>& layer_table();

}  // namespace bitsweep
