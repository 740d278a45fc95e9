#include "framework/pack/product.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "framework/core/error.h"
#include "framework/core/parallel.h"

namespace bitsweep {
namespace {

constexpr int kOutputBlock = 64;  // of a linear float product, as in training

}  // namespace

template <class Kernel, class Make>
Product::BySize<Kernel> Product::by_size(const std::vector<Slice>& slices, Make make) {
  BySize<Kernel> kernels;
  const Slice &first = slices.front(), &last = slices.back();
  kernels.whole = make(first.images, int(slices.size()));
  kernels.whole_slices = int(slices.size());
  if (last.images != first.images) {
    kernels.rest = make(last.images, 1);
    --kernels.whole_slices;
  }
  return kernels;
}

Product::Product(const ProductContext& context)
    : engine_(context.options.engine),
      is_linear_(context.node.operation == Operation::kLinear),
      inputs_(int(context.input_shape.elements())),
      outputs_(context.node.output.channels) {
  batch_ = context.slices.back().begin + context.slices.back().images;
  plan_.layer = context.node.name;
  plan_.multiply_accumulates = std::int64_t(context.node.output.pixels()) *
                               std::int64_t(context.weight.elements());
  if (context.weight.encoded) plan_.weight_bits = context.weight.encoded->grid.bits();
  if (context.input != nullptr) plan_.input_bits = context.input->bits();
  bias_.assign(std::size_t(outputs_), 0);
  if (context.bias != nullptr) bias_ = values_of(*context.bias);
  choose(context);
}

ConvolutionGeometry Product::geometry(const ProductContext& context) const {
  const Window& w = context.node.window;
  if (is_linear_) {
    return {.input = {1, 1, inputs_}, .output = {1, 1, outputs_}};
  }
  return {.input = context.input_shape,
          .output = context.node.output,
          .kernel = w.kernel,
          .stride = w.stride,
          .pad = w.pad,
          .groups = w.groups};
}

void Product::choose(const ProductContext& context) {
  const auto fall_back = [&](std::string why) {
    plan_.reason = std::move(why);
    make_float(context);
  };
  if (!context.options.integer) return fall_back("asked for");
  std::string reason;
  if (context.input != nullptr && context.input->split()) {
    const auto split = split_product(context.weight, *context.input, reason);
    return split ? make_split(context, *split) : fall_back(reason);
  }
  if (context.weight.encoded && !is_by_filter(context.weight)) {
    const auto blocks = block_product(context.weight, context.input, reason);
    return blocks ? make_blocks(context, *blocks) : fall_back(reason);
  }
  whole_ = integer_product(context.weight, context.input, reason);
  if (!whole_) return fall_back(reason);
  plan_.largest_sum = whole_->largest_sum;
  if (!start_sums(context)) return fall_back("a sum may leave 32 bits");
  const bool few = whole_->form.is_sign() || whole_->form.is_ternary();
  if (few && context.input->integers()->is_sign() && context.node.window.groups == 1) {
    return make_bits(context, *whole_);
  }
  make_integer(context, *whole_);
}

// Takes over biases that are whole steps of the sums. False: they may leave 32 bits.
bool Product::start_sums(const ProductContext& context) {
  if (!is_start(context.bias, *whole_)) return true;
  const Encoded& bias = *context.bias->encoded;
  double largest = 0;
  for (const std::int32_t code : bias.codes) {
    largest = std::max(largest, std::fabs(double(code)));
  }
  if (whole_->largest_sum + largest > double(std::numeric_limits<std::int32_t>::max())) {
    return false;
  }
  start_ = bias.codes;
  bias_.assign(bias_.size(), 0);
  return true;
}

void Product::make_float(const ProductContext& context) {
  kind_ = Kind::kFloat;
  plan_.kernel = "float";
  plan_.why_not = plan_.reason;
  const auto weights = values_of(context.weight);
  if (is_linear_) {
    weights_ = weights;
    return;
  }
  const auto shape = geometry(context);
  floats_ = by_size<Convolution>(context.slices, [&](int images, int slots) {
    auto kernel = make_convolution(engine_, shape, images, slots, false);
    kernel->pack_weights(weights.data(), bias_.data());
    return kernel;
  });
}

void Product::make_integer(const ProductContext& context, const IntegerProduct& product) {
  kind_ = Kind::kInteger;
  const auto shape = geometry(context);
  integers_ = by_size<IntegerConvolution>(context.slices, [&](int images, int slots) {
    auto kernel =
        make_integer_convolution(engine_, shape, context.input->input(), images, slots);
    kernel->pack_weights(product.weights, {});
    return kernel;
  });
  plan_.kernel = "integer: " + integers_.whole->implementation();
}

void Product::make_blocks(const ProductContext& context, const BlockProduct& product) {
  kind_ = Kind::kBlocks;
  plan_.why_not = "the weights' scales change within a filter";
  plan_.largest_sum = product.largest_sum;
  const auto shape = geometry(context);
  blocks_ = by_size<BlockConvolution>(context.slices, [&](int images, int slots) {
    auto kernel = make_block_convolution(engine_, shape, context.input->input(), images,
                                         slots, product.block);
    kernel->pack_weights(product.weights, product.factors, bias_);
    return kernel;
  });
  plan_.kernel = fmt::format("integer: blocks of {}, {}", product.block,
                             blocks_.whole->implementation());
}

// Sums of more than 32 bits are known to nothing behind the product, and so it gives
// floats: what `Pipeline::from_sums` makes of sums.
void Product::make_split(const ProductContext& context, const IntegerProduct& product) {
  kind_ = Kind::kSplit;
  plan_.why_not = "its inputs take more than 8 bits";
  plan_.largest_sum = product.largest_sum;
  std::vector<std::int32_t> start(bias_.size(), 0);
  if (is_start(context.bias, product)) {
    start = context.bias->encoded->codes;
    bias_.assign(bias_.size(), 0);
  }
  const auto shape = geometry(context);
  split_ = by_size<SplitConvolution>(context.slices, [&](int images, int slots) {
    auto kernel =
        make_split_convolution(engine_, shape, *context.input->split(), images, slots);
    kernel->pack_weights(product.weights, start, product.factors, bias_);
    return kernel;
  });
  plan_.kernel =
      fmt::format("integer: inputs in two bytes, {}", split_.whole->implementation());
}

void Product::make_bits(const ProductContext& context, const IntegerProduct& product) {
  kind_ = Kind::kBits;
  auto shape = geometry(context);
  if (is_linear_) {  // a kernel that covers the image: bits lie pixel by pixel
    shape.input = context.input_shape;
    shape.kernel = {context.input_shape.height, context.input_shape.width};
  }
  bits_ = by_size<BitConvolution>(context.slices, [&](int images, int slots) {
    auto kernel = make_bit_convolution(engine_, shape, BitInput{}, images, slots);
    kernel->pack_weights(product.weights);
    return kernel;
  });
  plan_.kernel =
      fmt::format("{}: {}", product.form.is_sign() ? "xor and popcount" : "bit planes",
                  bits_.whole->implementation());
}

void Product::claim(StoredValue& value) const {
  value.needs_floats |= kind_ == Kind::kFloat;
  value.needs_bytes |=
      kind_ == Kind::kInteger || kind_ == Kind::kBlocks || kind_ == Kind::kSplit;
  value.needs_high_bytes |= kind_ == Kind::kSplit;
  value.needs_bits |= kind_ == Kind::kBits;
}

void Product::sums(const Slice& slice, StoredValue& input, std::int32_t* sums) const {
  if (kind_ == Kind::kBits) {
    const auto [kernel, slot] = bits_.at(slice);
    kernel->forward(slot, input.bits_of(slice).data(), sums);
  } else {
    const auto [kernel, slot] = integers_.at(slice);
    kernel->forward(slot, input.bytes_of(slice).data(), sums);
  }
}

void Product::floats(const Slice& slice, StoredValue& input, std::span<std::int32_t> room,
                     float* output) const {
  if (kind_ == Kind::kSplit) {
    const auto [kernel, slot] = split_.at(slice);
    return kernel->forward(slot, input.high_bytes_of(slice).data(),
                           input.bytes_of(slice).data(), room, output);
  }
  if (kind_ == Kind::kBlocks) {
    const auto [kernel, slot] = blocks_.at(slice);
    return kernel->forward(slot, input.bytes_of(slice).data(), output);
  }
  const auto [kernel, slot] = floats_.at(slice);
  kernel->forward(slot, input.floats_of(slice).data(), output);
}

int Product::batch_blocks() const {
  return is_linear_ && kind_ == Kind::kFloat
             ? (outputs_ + kOutputBlock - 1) / kOutputBlock
             : 0;
}

// y[:, block] = bias + x w[block, :]^T, as in training.
void Product::floats(int block, StoredValue& input, Buffer& output) const {
  const int begin = block * kOutputBlock;
  const int count = std::min(kOutputBlock, outputs_ - begin);
  float* const y = output.data() + begin;
  for (int row = 0; row < batch_; ++row) {
    std::copy_n(bias_.data() + begin, count, y + std::size_t(row) * outputs_);
  }
  matrix_product(engine_, batch_, count, inputs_, {input.floats.data(), inputs_},
                 {weights_.data() + std::size_t(begin) * inputs_, inputs_, true}, 1, y,
                 outputs_);
}

}  // namespace bitsweep
