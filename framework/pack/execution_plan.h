// What executing a packed model takes: the program, and the memory its parts read and
// write, for one size of batch.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "framework/nn/program.h"
#include "framework/pack/dynamic_codes.h"
#include "framework/pack/execution_graph.h"
#include "framework/pack/executor.h"
#include "framework/pack/pipeline.h"
#include "framework/pack/product.h"
#include "framework/pack/stored_value.h"

namespace bitsweep {

/// Stays where it is: the program's parts refer to it.
struct ExecutionPlan {
  ExecutionPlan(const PackedModel& model, const ExecutorOptions& options);
  ExecutionPlan(const ExecutionPlan&) = delete;
  ExecutionPlan& operator=(const ExecutionPlan&) = delete;

  /// Notes how far a product's sums reach.
  void watch(std::size_t product, const Slice& slice, std::span<const std::int32_t> sums);

  const ExecutorOptions options;
  const ExecutionGraph graph;
  const std::vector<Slice> slices;
  std::vector<StoredValue> values;  // as the graph numbers them
  std::deque<CodeForm> forms;       // by quantizer
  std::vector<std::unique_ptr<Product>> products;
  std::vector<ProductPlan> product_plans;

  // What one part of the program leaves to another.
  std::deque<Pipeline> pipelines;
  std::deque<Buffer> pixel_scales;
  std::map<int, ImageScales> image_scales;  // by value
  std::deque<BatchCodes> batch_codes;
  std::vector<AlignedVector<std::int32_t>> sums, pooled;  // one a slice

  bool watches = false;
  std::vector<SumRange> ranges;  // [products, slices]
  int count = 0;                 // images of the run under way
  Program program;
};

}  // namespace bitsweep
