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

// The largest sum |w| of a filter.
double largest_filter(const std::vector<std::int8_t>& weights, std::size_t filters) {
  const std::size_t size = weights.size() / filters;
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

bool is_by_filter(const NetworkTensor& weight) {
  const Grid& grid = weight.encoded->grid;
  const auto filters = std::size_t(weight.shape.front());
  return grid.scales().size() == 1 ||
         (grid.layout().channels == filters &&
          grid.layout().inner == weight.elements() / filters);
}

std::optional<IntegerProduct> integer_product(const NetworkTensor& weight,
                                              const CodeForm* input,
                                              std::string& reason) {
  const auto no = [&](const char* why) {
    reason = why;
    return std::nullopt;
  };
  if (!weight.encoded) return no("the weights are float");
  if (input == nullptr) return no("the inputs are float");
  if (!input->has_bytes()) return no("the inputs' levels are no multiples of one step");
  auto form = integer_form(weight.encoded->grid);
  if (!form) return no("the weights' levels are no multiples of one step");
  if (form->least() < -128 || form->most() > 127) {
    return no("the weights' integers do not fit 8 bits");
  }
  if (!is_by_filter(weight)) return no("the weights' scales change within a filter");

  const auto filters = std::size_t(weight.shape.front());
  IntegerProduct product{.weights = integers_of(weight, *form)};
  const IntegerForm& inputs = *input->integers();
  // Scales of each image have zero points anywhere among the codes.
  const int largest = input->is_of_image()
                          ? inputs.most() - inputs.least()
                          : std::max(std::abs(inputs.least()), std::abs(inputs.most()));
  product.largest_sum = largest_filter(product.weights, filters) * largest;
  if (product.largest_sum > double(std::numeric_limits<std::int32_t>::max())) {
    return no("a sum may leave 32 bits");
  }
  for (std::size_t f = 0; f < filters; ++f) {
    const double unit = form->unit[form->unit.size() == 1 ? 0 : f];
    product.factors.push_back(float(unit * input->unit()));
  }
  product.form = *std::move(form);
  return product;
}

}  // namespace bitsweep
