#include "framework/engine/integer/shift_products.h"

#include <algorithm>

#include "framework/engine/reference/integer_taps.h"

namespace bitsweep {

std::optional<std::vector<std::int8_t>> as_integers(const ShiftWeights& weights) {
  std::vector<std::int8_t> integers(weights.signs.size());
  for (std::size_t i = 0; i < integers.size(); ++i) {
    const int sign = weights.signs[i], exponent = weights.exponents[i];
    if (sign != 0 && (exponent > 7 || (exponent == 7 && sign > 0))) return std::nullopt;
    integers[i] = sign == 0 ? std::int8_t{0} : std::int8_t(sign * (1 << exponent));
  }
  return integers;
}

void shift_convolution(const ConvolutionGeometry& geometry, InputCodes input, int images,
                       const void* x, const ShiftWeights& weights,
                       std::span<std::int64_t> y) {
  const auto* unsigned_codes = static_cast<const std::uint8_t*>(x);
  const auto* signed_codes = static_cast<const std::int8_t*>(x);
  std::fill(y.begin(), y.end(), 0);
  reference::visit_products(geometry, images, [&](auto output, auto weight, auto from) {
    if (from < 0) return;
    const int code = input.is_signed ? signed_codes[from] : unsigned_codes[from];
    const std::int64_t shifted = std::int64_t{code - input.zero_point}
                                 << weights.exponents[std::size_t(weight)];
    const int sign = weights.signs[std::size_t(weight)];
    y[std::size_t(output)] += sign > 0 ? shifted : sign < 0 ? -shifted : 0;
  });
}

}  // namespace bitsweep
