#include "framework/nn/initialisers.h"

#include <cmath>

#include "framework/core/error.h"

namespace bitsweep {

std::vector<std::string> initialiser_names() {
  return {"xavier", "glorot", "he", "gaussian", "uniform"};
}

void initialise(const std::string& name, double deviation, int fan_in, int fan_out,
                const RandomStream& random, std::span<float> weights) {
  const auto uniform = [&](double bound) {
    for (std::size_t i = 0; i < weights.size(); ++i) {
      weights[i] = float(bound * (2.0 * random.uniform_at(std::uint32_t(i)) - 1));
    }
  };
  const auto normal = [&](double sigma) {
    for (std::size_t i = 0; i < weights.size(); ++i) {
      weights[i] = float(sigma * random.normal_at(std::uint32_t(i)));
    }
  };
  if (name == "xavier") return uniform(std::sqrt(3.0 / fan_in));
  if (name == "glorot") return uniform(std::sqrt(6.0 / (fan_in + fan_out)));
  if (name == "he") return normal(std::sqrt(2.0 / fan_in));
  if (name == "gaussian") return normal(deviation);
  if (name == "uniform") return uniform(deviation);
  ensure(false, "initialiser names are checked by the layer's schema");
}

}  // namespace bitsweep
