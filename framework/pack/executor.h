// Runs a packed model on what its file holds: products of integer codes where both sides
// have them, xor and popcount where both are signs, float products of looked-up levels
// elsewhere.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "framework/engine/convolution.h"
#include "framework/pack/execution_graph.h"
#include "framework/pack/model.h"
#include "framework/pack/requantization.h"

namespace bitsweep {

struct ExecutorOptions {
  EngineKind engine = selected_engine();
  int batch = 100;
  /// False: every product in float, of looked-up levels, as in simulation.
  bool integer = true;
  /// Bytes that the values between the layers of a batch may take.
  double most_memory = 8e9;
  /// Sums of integers become codes in one step where `find_requantization` allows it,
  /// with batch normalisation and the rounded bias inside: as integer hardware does, and
  /// ONNX Runtime with the files of the dialect qdq.
  Requantize requantize = Requantize::kAsTrained;
  /// What quantizers are given, and what they give, can be read after each run.
  bool keeps_codes = false;
};

/// How one product runs.
struct ProductPlan {
  std::string layer;
  std::string kernel;  // "float", "integer: oneDNN brgconv:avx512_core_amx_int8", ...
  std::string reason;  // why not on integers; "" where it does
  std::int64_t multiply_accumulates = 0;  // of one image
  int weight_bits = 32, input_bits = 32;
  /// The largest magnitude that a sum of integers can reach, by the weights and without
  /// the bias, of blocks that of one; 0 for float.
  double largest_sum = 0;
  bool is_requantized = false;  // its sums become codes in one step
  std::string why_not;          // where that was asked for and is not so
};

/// Sums of integer products over everything that was run.
struct SumRange {
  std::int32_t least = 0, most = 0;
};

struct ExecutionPlan;

/// Keeps no reference to the model. A sum that may leave 32 bits takes the float product.
/// Throws RunError for a model that cannot be run: one that takes more memory, or has a
/// layer that the engine does not know.
class Executor {
 public:
  Executor(const PackedModel& model, const ExecutorOptions& options);
  ~Executor();
  Executor(Executor&&) noexcept;

  int batch() const;
  const std::vector<ProductPlan>& products() const;

  /// Where image `index` of the batch is to be written, preprocessed: NHWC floats. Any
  /// thread may write its own.
  std::span<float> image(int index);
  /// Runs the first `count` images of the batch.
  void run(int count);
  /// [count, classes], of the last run.
  std::span<const float> logits() const;

  /// As it is executed: what `value` numbers.
  const ExecutionGraph& graph() const;
  /// Of a batch, with `keeps_codes`: what a quantize node reads or gives, [batch, shape].
  /// Empty where the value is never made, between a sum and its code.
  std::span<const float> value(int index) const;

  /// While on, `run` watches sums of integer products, which takes time.
  void watch_sums(bool on);
  /// One a product, of the runs watched; zeros for float products, and for those of
  /// blocks and of inputs in two bytes.
  std::vector<SumRange> sum_ranges() const;

 private:
  std::unique_ptr<ExecutionPlan> plan_;
};

}  // namespace bitsweep
