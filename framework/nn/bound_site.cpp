#include "framework/nn/bound_site.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "framework/engine/finite.h"

namespace bitsweep {
namespace {

// A bias of so many steps has no code.
void check_biases(const BoundSite& bound, std::span<const float> values,
                  const Grid& grid) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double steps = double(values[i]) / grid.scales()[grid.layout().channel_of(i)];
    if (!(std::fabs(steps) > double(grid.high_code()))) continue;
    throw RunError(fmt::format(
        "{}: bias {}, {}, is {:.4g} steps of {:.4g}, the scale of its inputs times that "
        "of its weights; a code has at most {}: leave biases in float (edges.bias)",
        bound.site.name, i, values[i], steps, grid.scales()[grid.layout().channel_of(i)],
        grid.high_code()));
  }
}

}  // namespace

std::span<const float> BoundSite::before() const {
  if (!from_source.empty()) return from_source.span();
  if (latent != nullptr) return latent->value.span();
  ensure(activation != nullptr, "gradients are quantized in place");
  return site.role == Role::kOutput ? raw.span()
                                    : std::as_const(activation->value).span();
}

std::span<const float> BoundSite::behind() const {
  return site.role == Role::kOutput ? std::as_const(activation->value).span()
                                    : quantized.span();
}

void BoundSite::prepare(std::span<const float> values) {
  if (product_inputs != nullptr) {
    follows_product->follow(product_inputs->quantizer->grid(),
                            product_weights->quantizer->grid());
    const auto grid = quantizer->grid();
    check_biases(*this, values, grid);
  }
  quantizer->prepare(values);
}

void BoundSite::size_sums(std::size_t slices) {
  sum_count = 0;
  for (const Parameter* p : quantizer->trainable()) sum_count += p->value.size();
  sums.assign(slices * sum_count, 0.0);
}

void BoundSite::finish_sums() {
  if (sum_count == 0) return;
  const auto total = slice_sums(0);
  const std::size_t slices = sums.size() / sum_count;
  for (std::size_t slice = 1; slice < slices; ++slice) {
    const auto row = slice_sums(int(slice));
    for (std::size_t i = 0; i < total.size(); ++i) total[i] += row[i];
  }
  at_site(*this, [&] { quantizer->finish_gradient(total); });
}

void refuse_lost_values(const BoundSite& bound, std::span<const float> x, int first,
                        const char* when) {
  if (kernels::all_finite(x)) return;
  const auto lost =
      std::find_if(x.begin(), x.end(), [](float v) { return !std::isfinite(v); });
  const auto at = std::size_t(lost - x.begin()), size = bound.site.elements;
  throw RunError(fmt::format(
      "{}: value {} of image {} of a batch is {} {}; expected finite numbers: look at "
      "the images, and at the weights of the layers before it",
      bound.site.name, at % size, std::size_t(first) + at / size, *lost, when));
}

void BoundSite::set_switch(bool on) {
  is_on = on;
  if (on || quantizer == nullptr) return;
  for (Parameter* p : quantizer->trainable()) {  // no gradient reaches them now
    std::fill_n(p->gradient.data(), p->gradient.size(), 0.0f);
  }
}

}  // namespace bitsweep
