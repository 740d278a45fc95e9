// Activations of int8_training against PyTorch's own fake quantization, exactly, where
// there is PyTorch; int8_training_with_torch.py compares.
#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "tests/methods/quantizers.h"
#include "tests/torch_comparison.h"

using namespace bitsweep;
using namespace bitsweep::testing;

TEST_CASE("int8_training: ranges, values and gradients are PyTorch's",
          "[int8_training][torch]") {
  constexpr std::size_t kValues = 400;
  std::string cases;
  for (const char* momentum : {"0.99", "0.9", "0.5"}) {
    const auto q = quantizer_for(
        "int8_training",
        params({{"momentum", momentum}, {"order", "pytorch"}, {"rounding", "half_even"}}),
        value_site(Role::kInput, kValues));
    std::string batches;
    for (std::uint64_t batch = 0; batch < 8; ++batch) {
      // Of both signs, and wider and narrower: PyTorch averages the ends as they are, and
      // we each batch's with 0 among it.
      const Values x = normal_values(kValues, 30 + batch, 1 + float(batch % 3));
      const Values dy = normal_values(kValues, 60 + batch);
      auto& follows = as<FollowsBatches>(*q);
      std::vector<double> row(follows.measures());
      follows.measure(x, row);
      follows.follow(row);
      const auto state = state_of(*q);
      const Grid grid = q->grid();
      batches += fmt::format(
          "{}{{\"x\": [{:.9g}], \"dy\": [{:.9g}], \"low\": [{:.9g}], \"high\": [{:.9g}], "
          "\"scale\": [{:.9g}], \"zero_point\": [{}], \"y\": [{:.9g}], \"dx\": "
          "[{:.9g}]}}",
          batches.empty() ? "" : ",\n", fmt::join(x, ", "), fmt::join(dy, ", "),
          state.at("low")[0], state.at("high")[0], grid.scales()[0],
          grid.uniform()->zero_point[0], fmt::join(quantized(*q, x), ", "),
          fmt::join(gradient(*q, x, dy), ", "));
    }
    cases += fmt::format("{}{{\"constant\": {}, \"batches\": [{}]}}",
                         cases.empty() ? "" : ",\n", 1 - std::stod(momentum), batches);
  }
  const auto path = file_for_torch("int8_training_for_torch.json");
  std::ofstream(path) << "[" << cases << "]";
  compare_with_torch("methods/int8_training_with_torch.py", path);
}
