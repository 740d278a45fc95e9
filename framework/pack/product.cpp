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

std::vector<float> values_of(const NetworkTensor& tensor) {
  return tensor.encoded ? tensor.encoded->values() : tensor.values;
}

// One scale for all weights, or one for each filter.
bool is_by_filter(const NetworkTensor& weight) {
  const Grid& grid = weight.encoded->grid;
  const auto filters = std::size_t(weight.shape.front());
  return grid.scales().size() == 1 ||
         (grid.layout().channels == filters &&
          grid.layout().inner == weight.elements() / filters);
}

std::vector<std::int8_t> integers_of(const NetworkTensor& weight,
                                     const IntegerForm& form) {
  const auto& codes = weight.encoded->codes;
  std::vector<std::int8_t> integers(codes.size());
  std::transform(codes.begin(), codes.end(), integers.begin(),
                 [&, low = weight.encoded->grid.low_code()](std::int32_t code) {
                   return std::int8_t(form.integers[std::size_t(code - low)]);
                 });
  return integers;
}

// The largest sum |w| of a filter.
double largest_filter(const NetworkTensor& weight, const IntegerForm& form) {
  const auto& codes = weight.encoded->codes;
  const std::size_t size = codes.size() / std::size_t(weight.shape.front());
  const std::int32_t low = weight.encoded->grid.low_code();
  double largest = 0;
  for (std::size_t begin = 0; begin < codes.size(); begin += size) {
    double sum = 0;
    for (std::size_t i = begin; i < begin + size; ++i) {
      sum += std::abs(form.integers[std::size_t(codes[i] - low)]);
    }
    largest = std::max(largest, sum);
  }
  return largest;
}

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
  const auto fall_back = [&](const char* reason) {
    plan_.reason = reason;
    make_float(context);
  };
  if (!context.options.integer) return fall_back("asked for");
  if (!context.weight.encoded) return fall_back("the weights are float");
  if (context.input == nullptr) return fall_back("the inputs are float");
  if (!context.input->has_bytes()) {
    return fall_back("the inputs' levels are no multiples of one step");
  }
  const auto weights = integer_form(context.weight.encoded->grid);
  if (!weights) return fall_back("the weights' levels are no multiples of one step");
  if (weights->least() < -128 || weights->most() > 127) {
    return fall_back("the weights' integers do not fit 8 bits");
  }
  if (!is_by_filter(context.weight)) {
    return fall_back("the weights' scales change within a filter");
  }
  const IntegerForm& inputs = *context.input->integers();
  plan_.largest_sum = largest_filter(context.weight, *weights) *
                      std::max(std::abs(inputs.least()), std::abs(inputs.most()));
  if (plan_.largest_sum > double(std::numeric_limits<std::int32_t>::max())) {
    return fall_back("a sum may leave 32 bits");
  }
  for (std::size_t c = 0; c < std::size_t(outputs_); ++c) {
    const double unit = weights->unit[weights->unit.size() == 1 ? 0 : c];
    factors_.push_back(float(unit * context.input->unit()));
  }
  const bool square =
      !is_linear_ || context.input_shape.height == context.input_shape.width;
  const bool few = weights->is_sign() || weights->is_ternary();
  if (few && inputs.is_sign() && square && context.node.window.groups == 1) {
    return make_bits(context, *weights);
  }
  make_integer(context, *weights);
}

void Product::make_float(const ProductContext& context) {
  kind_ = Kind::kFloat;
  plan_.kernel = "float";
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

void Product::make_integer(const ProductContext& context, const IntegerForm& form) {
  kind_ = Kind::kInteger;
  const auto weights = integers_of(context.weight, form);
  const auto shape = geometry(context);
  integers_ = by_size<IntegerConvolution>(context.slices, [&](int images, int slots) {
    auto kernel =
        make_integer_convolution(engine_, shape, context.input->input(), images, slots);
    kernel->pack_weights(weights, {});
    return kernel;
  });
  plan_.kernel = "integer: " + integers_.whole->implementation();
}

void Product::make_bits(const ProductContext& context, const IntegerForm& form) {
  kind_ = Kind::kBits;
  const auto weights = integers_of(context.weight, form);
  auto shape = geometry(context);
  if (is_linear_) {  // a kernel that covers the image: bits lie pixel by pixel
    shape.input = context.input_shape;
    shape.kernel = context.input_shape.height;
  }
  bits_ = by_size<BitConvolution>(context.slices, [&](int images, int slots) {
    auto kernel = make_bit_convolution(engine_, shape, BitInput{}, images, slots);
    kernel->pack_weights(weights);
    return kernel;
  });
  plan_.kernel = fmt::format("{}: {}", form.is_sign() ? "xor and popcount" : "bit planes",
                             bits_.whole->implementation());
}

void Product::claim(StoredValue& value) const {
  value.needs_floats |= kind_ == Kind::kFloat;
  value.needs_bytes |= kind_ == Kind::kInteger;
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

void Product::floats(const Slice& slice, StoredValue& input, float* output) const {
  const auto [kernel, slot] = floats_.at(slice);
  kernel->forward(slot, input.floats_of(slice).data(), output);
}

int Product::batch_blocks() const {
  return is_linear_ ? (outputs_ + kOutputBlock - 1) / kOutputBlock : 0;
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
