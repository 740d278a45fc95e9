#include <algorithm>
#include <cmath>

#include "framework/engine/reference/reference.h"

namespace bitsweep::reference {

double sum(std::span<const float> x) {
  double total = 0;
  for (const float v : x) total += v;
  return total;
}

double sum_abs(std::span<const float> x) {
  double total = 0;
  for (const float v : x) total += std::abs(v);
  return total;
}

double sum_squares(std::span<const float> x) {
  double total = 0;
  for (const float v : x) total += double(v) * v;
  return total;
}

double mean_abs(std::span<const float> x) {
  return x.empty() ? 0 : sum_abs(x) / double(x.size());
}

float max_abs(std::span<const float> x) {
  float most = 0;
  for (const float v : x) most = std::max(most, std::abs(v));
  return most;
}

MinMax min_max(std::span<const float> x) {
  if (x.empty()) return {};
  const auto [min, max] = std::minmax_element(x.begin(), x.end());
  return {*min, *max};
}

Beyond beyond(std::span<const float> x, float threshold) {
  Beyond found;
  for (const float v : x) {
    if (!(std::abs(v) > threshold)) continue;
    ++found.count;
    found.sum_abs += std::abs(v);
  }
  return found;
}

}  // namespace bitsweep::reference
