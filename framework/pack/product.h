// One convolution or linear layer of a packed model, on the kernel that fits its codes.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "framework/engine/integer/bit_convolution.h"
#include "framework/engine/integer/block_convolution.h"
#include "framework/engine/integer/split_convolution.h"
#include "framework/pack/executor.h"
#include "framework/pack/integer_product.h"
#include "framework/pack/stored_value.h"

namespace bitsweep {

/// What is known when the kernel is chosen.
struct ProductContext {
  const GraphNode& node;
  ImageShape input_shape;
  const NetworkTensor& weight;
  const NetworkTensor* bias;  // null: none
  const CodeForm* input;      // of the values read; null: floats
  const ExecutorOptions& options;
  const std::vector<Slice>& slices;
};

class Product {
 public:
  explicit Product(const ProductContext& context);

  const ProductPlan& plan() const { return plan_; }
  /// Whether `floats` computes it, with all that belongs to it; else there are `sums`.
  bool gives_floats() const {
    return kind_ == Kind::kFloat || kind_ == Kind::kBlocks || kind_ == Kind::kSplit;
  }
  /// Whether `floats` needs room for two sums of each value.
  bool adds_halves() const { return kind_ == Kind::kSplit; }
  /// What it computes on whole numbers; nothing of products that give floats.
  const std::optional<IntegerProduct>& integers() const { return whole_; }
  /// Notes in `value` the form that the product reads.
  void claim(StoredValue& value) const;

  /// Integer products: sums of a slice, [images, output]. value = (start + sum) * factor +
  /// offset; `start`, biases in whole steps of the sums, may be empty.
  void sums(const Slice& slice, StoredValue& input, std::int32_t* sums) const;
  std::vector<float> factors() const { return whole_->factors; }
  std::vector<float> offsets() const { return bias_; }
  const std::vector<std::int32_t>& start() const { return start_; }

  /// Products that give floats: of a slice, or of the whole batch in independent parts.
  void floats(const Slice& slice, StoredValue& input, std::span<std::int32_t> room,
              float* output) const;
  int batch_blocks() const;  // 0: by slice
  void floats(int block, StoredValue& input, Buffer& output) const;

 private:
  enum class Kind { kFloat, kInteger, kBits, kBlocks, kSplit };

  ConvolutionGeometry geometry(const ProductContext& context) const;
  bool start_sums(const ProductContext& context);
  void choose(const ProductContext& context);
  void make_float(const ProductContext& context);
  void make_integer(const ProductContext& context, const IntegerProduct& product);
  void make_blocks(const ProductContext& context, const BlockProduct& product);
  void make_split(const ProductContext& context, const IntegerProduct& product);
  void make_bits(const ProductContext& context, const IntegerProduct& product);

  // Slices are of one size, but for the last where the batch does not divide.
  template <class Kernel>
  struct BySize {
    std::unique_ptr<Kernel> whole, rest;
    int whole_slices = 0;
    std::pair<const Kernel*, int> at(const Slice& slice) const {
      if (rest && slice.index >= whole_slices) return {rest.get(), 0};
      return {whole.get(), slice.index};
    }
  };
  template <class Kernel, class Make>
  static BySize<Kernel> by_size(const std::vector<Slice>& slices, Make make);

  Kind kind_ = Kind::kFloat;
  ProductPlan plan_;
  EngineKind engine_;
  bool is_linear_;
  int batch_ = 0, inputs_ = 0, outputs_ = 0;
  BySize<Convolution> floats_;
  BySize<IntegerConvolution> integers_;
  BySize<BitConvolution> bits_;
  BySize<BlockConvolution> blocks_;
  BySize<SplitConvolution> split_;
  std::vector<float> weights_;  // of a linear float product
  std::vector<float> bias_;     // one an output
  std::vector<std::int32_t> start_;
  std::optional<IntegerProduct> whole_;
};

}  // namespace bitsweep
