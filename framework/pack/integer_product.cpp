#include "framework/pack/integer_product.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace bitsweep {
namespace {

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

// The largest sum |w| of so many weights together.
double largest_part(const std::vector<std::int8_t>& weights, std::size_t size) {
  double largest = 0;
  for (std::size_t begin = 0; begin < weights.size(); begin += size) {
    double sum = 0;
    for (std::size_t i = begin; i < begin + size; ++i) sum += std::abs(weights[i]);
    largest = std::max(largest, sum);
  }
  return largest;
}

}  // namespace

std::vector<float> values_of(const NetworkTensor& tensor) {
  return tensor.encoded ? tensor.encoded->values() : tensor.values;
}

bool is_start(const NetworkTensor* bias, const IntegerProduct& product) {
  if (bias == nullptr || !bias->encoded) return false;
  const UniformGrid* const grid = bias->encoded->grid.uniform();
  return grid != nullptr && grid->sum_bits > 0 && grid->scale == product.factors;
}

bool is_by_filter(const NetworkTensor& weight) {
  const Grid& grid = weight.encoded->grid;
  const auto filters = std::size_t(weight.shape.front());
  return grid.scales().size() == 1 ||
         (grid.layout().channels == filters &&
          grid.layout().inner == weight.elements() / filters);
}

namespace {

// Of weights that are whole numbers of 8 bits, and inputs that are whole numbers; else
// why they are not.
std::optional<IntegerForm> whole_weights(const NetworkTensor& weight,
                                         const CodeForm* input, std::string& reason) {
  const auto no = [&](const char* why) {
    reason = why;
    return std::nullopt;
  };
  if (!weight.encoded) return no("the weights are float");
  if (input == nullptr) return no("the inputs are float");
  if (input->is_dynamic() && !input->has_bytes()) {
    return no("the inputs take more than 8 bits, of ranges found at run time");
  }
  if (!input->has_bytes() && !input->split()) {
    return no("the inputs' levels are no multiples of one step");
  }
  auto form = integer_form(weight.encoded->grid);
  if (!form) return no("the weights' levels are no multiples of one step");
  if (form->least() < -128 || form->most() > 127) {
    return no("the weights' integers do not fit 8 bits");
  }
  return form;
}

// In magnitude, of what products take.
int largest_input(const CodeForm& input) {
  const IntegerForm& inputs = *input.integers();
  // Ranges found at run time have zero points anywhere among the codes.
  return input.is_dynamic() ? inputs.most() - inputs.least()
                            : std::max(std::abs(inputs.least()), std::abs(inputs.most()));
}

constexpr double kMostSum = double(std::numeric_limits<std::int32_t>::max());

// Of a step of the sums, by filter.
std::vector<float> factors_of(const IntegerForm& form, std::size_t filters,
                              const CodeForm& input) {
  std::vector<float> factors;
  for (std::size_t f = 0; f < filters; ++f) {
    const double unit = form.unit[form.unit.size() == 1 ? 0 : f];
    factors.push_back(float(unit * input.unit()));
  }
  return factors;
}

}  // namespace

std::optional<IntegerProduct> integer_product(const NetworkTensor& weight,
                                              const CodeForm* input,
                                              std::string& reason) {
  auto form = whole_weights(weight, input, reason);
  if (!form) return std::nullopt;
  if (input->split()) {
    reason = "the inputs take more than 8 bits";
    return std::nullopt;
  }
  if (!is_by_filter(weight)) {
    reason = "the weights' scales change within a filter";
    return std::nullopt;
  }
  const auto filters = std::size_t(weight.shape.front());
  IntegerProduct product{.weights = integers_of(weight, *form)};
  product.largest_sum = largest_part(product.weights, product.weights.size() / filters) *
                        largest_input(*input);
  if (product.largest_sum > kMostSum) {
    reason = "a sum may leave 32 bits";
    return std::nullopt;
  }
  product.factors = factors_of(*form, filters, *input);
  product.form = *std::move(form);
  return product;
}

std::optional<IntegerProduct> split_product(const NetworkTensor& weight,
                                            const CodeForm& input, std::string& reason) {
  auto form = whole_weights(weight, &input, reason);
  if (!form) return std::nullopt;
  if (!is_by_filter(weight)) {
    reason =
        "the weights' scales change within a filter, and the inputs take more than "
        "8 bits";
    return std::nullopt;
  }
  const auto filters = std::size_t(weight.shape.front());
  IntegerProduct product{.weights = integers_of(weight, *form)};
  const double part = largest_part(product.weights, product.weights.size() / filters);
  if (part * input.largest_byte() > kMostSum) {
    reason = "the sum of a byte may leave 32 bits";
    return std::nullopt;
  }
  product.largest_sum = part * input.largest_split();
  product.factors = factors_of(*form, filters, input);
  product.form = *std::move(form);
  return product;
}

std::optional<BlockProduct> block_product(const NetworkTensor& weight,
                                          const CodeForm* input, std::string& reason) {
  const auto form = whole_weights(weight, input, reason);
  if (!form) return std::nullopt;
  const ChannelLayout layout = weight.encoded->grid.layout();
  const auto filters = std::size_t(weight.shape.front());
  const std::size_t filter = weight.elements() / filters;
  if (input->split()) {
    reason = "the inputs take more than 8 bits";
    return std::nullopt;
  }
  const bool in_blocks =
      filter % layout.inner == 0 && layout.channels == weight.elements() / layout.inner;
  if (!in_blocks || input->is_dynamic()) {
    reason = in_blocks ? "the weights' scales change within a filter, and the range of "
                         "its inputs is found at run time"
                       : "the weights' scales change within a filter";
    return std::nullopt;
  }
  BlockProduct product{.weights = integers_of(weight, *form), .block = layout.inner};
  product.largest_sum =
      largest_part(product.weights, product.block) * largest_input(*input);
  if (product.largest_sum > kMostSum) {
    reason = "a sum may leave 32 bits";
    return std::nullopt;
  }
  for (const double unit : form->unit) {
    product.factors.push_back(float(unit * input->unit()));
  }
  return product;
}

}  // namespace bitsweep
