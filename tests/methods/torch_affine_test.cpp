// Scales, zero points and codes of `affine` against PyTorch's own, exactly, where there
// is PyTorch; affine_with_torch.py compares.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <string_view>

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "tests/methods/quantizers.h"
#include "tests/torch_comparison.h"

using namespace bitsweep;
using namespace bitsweep::testing;

namespace {

struct Scheme {
  const char* name;
  RawParams raw;
  bool per_channel, of_weights;
};

RawParams pytorch(std::initializer_list<std::pair<const char*, const char*>> pairs) {
  RawParams raw = params({{"order", "pytorch"},
                          {"scale", "half_range"},
                          {"least_scale", "1.1920928955078125e-07"}});
  for (const auto& [name, value] : params(pairs)) raw[name] = value;
  return raw;
}

std::vector<Scheme> schemes() {
  return {
      {"per_channel_symmetric", pytorch({{"weight_codes", "signed"}}), true, true},
      {"per_tensor_symmetric", pytorch({{"weight_codes", "signed"}, {"group", "layer"}}),
       false, true},
      {"per_channel_affine",
       pytorch({{"weight_codes", "signed"}, {"weight_scheme", "affine"}}), true, true},
      {"quint8", pytorch({}), false, false},
      {"quint8_symmetric", pytorch({{"activation_scheme", "symmetric"}}), false, false},
      {"quint8_reduced", pytorch({{"reduce_range", "true"}}), false, false},
      {"qint8", pytorch({{"activation_codes", "signed"}}), false, false},
      {"moving_average",
       pytorch({{"activation_range", "moving_average"}, {"reduce_range", "true"}}), false,
       false},
      {"moving_average_symmetric",
       pytorch({{"activation_range", "moving_average"},
                {"activation_scheme", "symmetric"},
                {"activation_codes", "signed"}}),
       false, false},
      {"histogram", pytorch({{"activation_range", "histogram_pytorch"}}), false, false},
      {"histogram_reduced",
       pytorch({{"activation_range", "histogram_pytorch"}, {"reduce_range", "true"}}),
       false, false}};
}

// What quantizers meet at their worst, and ordinary values.
std::vector<Values> tensors() {
  constexpr std::size_t kSize = 96;
  std::vector<Values> all = {Values(kSize, 0.0f),
                             Values(kSize, 2.0f),
                             Values(kSize, -0.3f),
                             normal_values(kSize, 1, 1e-9f),
                             normal_values(kSize, 2, 1e9f),
                             normal_values(kSize, 3, 1e30f),
                             normal_values(kSize, 4, 1e-41f),  // subnormal
                             Values(kSize, 1e30f),
                             Values(kSize, 1e-41f)};
  all.push_back(Values(kSize, 0.0f));
  all.back()[40] = -7;  // one value
  all.push_back(normal_values(kSize, 5, 1e-3f));
  all.back()[0] = 1e30f;
  for (std::uint64_t seed = 3; seed < 40; ++seed) {
    all.push_back(normal_values(kSize, seed, float(seed) / 7));
    if (seed % 3 == 0) all.back()[seed] = 400;
    for (float& v : all.back()) {
      if (seed % 4 == 0) v = std::fabs(v);
      if (seed % 4 == 1) v = -std::fabs(v);
    }
  }
  Values ties(kSize);
  for (std::size_t i = 0; i < kSize; ++i) ties[i] = float(int(i) - 32) / 2;
  all.push_back(ties);
  return all;
}

// Beyond these sizes PyTorch's histogram observer itself fails: it cubes errors in
// float32, which overflows, and raises an exception where a bin's width is 0 there.
bool histogram_fails(const Scheme& scheme, const Values& x) {
  const float largest = std::fabs(*std::max_element(
      x.begin(), x.end(), [](float a, float b) { return std::fabs(a) < std::fabs(b); }));
  const bool is_extreme = largest > 1e12f || (largest > 0 && largest < 1e-36f);
  return is_extreme && std::string_view(scheme.name).starts_with("histogram");
}

// Three batches of one tensor: a third of it each.
std::unique_ptr<Quantizer> calibrated_in_parts(const RawParams& raw, const Site& site,
                                               const Values& x) {
  auto quantizer = quantizer_for("affine", raw, site);
  const std::size_t part = x.size() / 3;
  for (std::size_t begin = 0; begin < x.size(); begin += part) {
    quantizer->calibrate(std::span(x).subspan(begin, part));
  }
  quantizer->finish_calibration();
  return quantizer;
}

}  // namespace

TEST_CASE("affine: scales, zero points and codes are PyTorch's", "[affine][torch]") {
  const auto path = file_for_torch("affine_for_torch.json");
  std::string cases;
  for (const Scheme& scheme : schemes()) {
    for (const Values& x : tensors()) {
      if (histogram_fails(scheme, x)) continue;
      const Site site = scheme.of_weights ? weight_site({4, int(x.size()) / 4})
                                          : value_site(Role::kInput, x.size());
      const auto q = scheme.of_weights ? calibrated("affine", scheme.raw, site, x)
                                       : calibrated_in_parts(scheme.raw, site, x);
      const Grid grid = q->grid();
      cases += fmt::format(
          "{}{{\"scheme\": \"{}\", \"of_weights\": {}, \"x\": [{:.9g}], \"scale\": "
          "[{:.9g}], "
          "\"zero_point\": [{}], \"codes\": [{}]}}",
          cases.empty() ? "" : ",\n", scheme.name, scheme.of_weights, fmt::join(x, ", "),
          fmt::join(grid.scales(), ", "), fmt::join(grid.uniform()->zero_point, ", "),
          fmt::join(encoded(*q, x), ", "));
    }
  }
  std::ofstream(path) << "[" << cases << "]";
  compare_with_torch("methods/affine_with_torch.py", path);
}
