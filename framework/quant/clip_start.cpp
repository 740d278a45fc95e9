#include "framework/quant/clip_start.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

namespace bitsweep {

ClipStart::ClipStart(std::string_view init, RangeOptions options) {
  if (init == "max") init = "max_abs";
  if (init == "max_abs" || init == "percentile" || init == "mse") {
    range_ = make_range_estimator(init, std::move(options));
  }
}

void ClipStart::collect(std::span<const float> x) {
  if (range_) range_->collect(x);
}

void ClipStart::collect_positive(std::span<const float> x) {
  if (!range_) return;
  std::vector<float> positive;
  std::copy_if(x.begin(), x.end(), std::back_inserter(positive),
               [](float v) { return v > 0; });
  range_->collect(positive);
}

std::optional<float> ClipStart::clip() const {
  if (!range_) return std::nullopt;
  return range_->range().high;
}

}  // namespace bitsweep
