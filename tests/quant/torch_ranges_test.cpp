// Range estimators against PyTorch's observers, where there is PyTorch: this side writes
// batches and our ranges, ranges_with_torch.py runs the observers and compares.
#include <cmath>
#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "framework/core/random.h"
#include "framework/quant/range.h"
#include "tests/torch_comparison.h"

using namespace bitsweep;

namespace {

using Batch = std::vector<float>;
using Batches = std::vector<Batch>;

Batch normal(std::uint64_t seed, std::size_t size, float spread, float mean = 0) {
  const RandomStream stream(seed, "torch ranges");
  Batch x(size);
  for (std::size_t i = 0; i < size; ++i) {
    x[i] = mean + spread * float(stream.normal_at(std::uint32_t(i)));
  }
  return x;
}

Batch with(Batch x, std::initializer_list<float> more) {
  x.insert(x.end(), more);
  return x;
}

Batch rectified(Batch x) {
  for (float& v : x) v = std::max(v, 0.0f);
  return x;
}

std::vector<Batches> all_batches() {
  std::vector<Batches> all = {
      {Batch(40, 0.0f)},
      {Batch(40, 1.0f)},
      {Batch(40, -3.0f)},
      {with(normal(1, 2000, 1), {1000})},  // one outlier
      {normal(2, 2000, 0.5f, -8)},         // all negative
      {normal(3, 2000, 1e-6f)},            // tiny
      {normal(4, 2000, 1e6f)},             // huge
      {rectified(normal(5, 3000, 1))},     // behind a ReLU
      {with(Batch(500, 0.0f), {-1, 1})},   // sparse
      {{-1, 2}},
      {with(normal(6, 3000, 0.3f), {-2, 2}), with(normal(7, 3000, 1), {-4, 4})},
      {with(normal(8, 3000, 0.3f), {-2, 2}), normal(9, 3000, 0.1f)},
      {normal(10, 3000, 1), normal(11, 3000, 2), normal(12, 3000, 0.5f)}};
  for (std::uint64_t seed = 20; seed < 32; ++seed) {
    all.push_back(
        {normal(seed, 200 * (seed - 19), 1 + float(seed % 5), float(seed % 3))});
    all.push_back(
        {rectified(normal(seed, 900, 1)), rectified(normal(seed + 20, 900, 2))});
  }
  return all;
}

std::string json(const Batches& batches) {
  std::string text;
  for (const Batch& batch : batches) {
    text += fmt::format("{}[{:.9g}]", text.empty() ? "" : ", ", fmt::join(batch, ", "));
  }
  return "[" + text + "]";
}

}  // namespace

TEST_CASE("ranges are those of PyTorch's observers", "[range][torch]") {
  const auto path = testing::file_for_torch("ranges_for_torch.json");
  std::string cases;
  for (const Batches& batches : all_batches()) {
    std::string ranges;
    for (const auto* name : {"min_max", "moving_average", "histogram_pytorch"}) {
      const auto estimator = make_range_estimator(name, {.momentum = 0.99});
      for (const Batch& batch : batches) estimator->collect(batch);
      const Range range = estimator->range();
      ranges += fmt::format("{}\"{}\": [{:.9g}, {:.9g}]", ranges.empty() ? "" : ", ",
                            name, range.low, range.high);
    }
    cases += fmt::format("{}{{\"batches\": {}, \"ranges\": {{{}}}}}",
                         cases.empty() ? "" : ",\n", json(batches), ranges);
  }
  std::ofstream(path) << "[" << cases << "]";
  testing::compare_with_torch("quant/ranges_with_torch.py", path);
}
