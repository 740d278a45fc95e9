#include "framework/nn/bound_site.h"

#include <algorithm>

namespace bitsweep {

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

void BoundSite::set_switch(bool on) {
  is_on = on;
  if (on || quantizer == nullptr) return;
  for (Parameter* p : quantizer->trainable()) {  // no gradient reaches them now
    std::fill_n(p->gradient.data(), p->gradient.size(), 0.0f);
  }
}

}  // namespace bitsweep
