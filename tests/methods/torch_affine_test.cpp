// Scales, zero points and codes of `affine` against PyTorch's own, exactly, where there
// is PyTorch; affine_with_torch.py compares.
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <sys/wait.h>

#include "tests/methods/quantizers.h"

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
      {"qint8", pytorch({{"activation_codes", "signed"}}), false, false}};
}

// What quantizers meet at their worst, and ordinary values.
std::vector<Values> tensors() {
  constexpr std::size_t kSize = 96;
  std::vector<Values> all = {Values(kSize, 0.0f), Values(kSize, 2.0f),
                             Values(kSize, -0.3f), normal_values(kSize, 1, 1e-9f),
                             normal_values(kSize, 2, 1e9f)};
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

}  // namespace

TEST_CASE("affine: scales, zero points and codes are PyTorch's", "[affine][torch]") {
  const auto path = std::filesystem::path(BITSWEEP_BINARY_DIR) / "affine_for_torch.json";
  std::string cases;
  for (const Scheme& scheme : schemes()) {
    for (const Values& x : tensors()) {
      const Site site = scheme.of_weights ? weight_site({4, int(x.size()) / 4})
                                          : value_site(Role::kInput, x.size());
      const auto q = calibrated("affine", scheme.raw, site, x);
      const Grid grid = q->grid();
      cases += fmt::format(
          "{}{{\"scheme\": \"{}\", \"x\": [{:.9g}], \"scale\": [{:.9g}], "
          "\"zero_point\": [{}], \"codes\": [{}]}}",
          cases.empty() ? "" : ",\n", scheme.name, fmt::join(x, ", "),
          fmt::join(grid.scales(), ", "), fmt::join(grid.uniform()->zero_point, ", "),
          fmt::join(encoded(*q, x), ", "));
    }
  }
  std::ofstream(path) << "[" << cases << "]";
  const int status =
      std::system(fmt::format("'{}' -B '{}/tests/methods/affine_with_torch.py' '{}'",
                              BITSWEEP_PYTHON, BITSWEEP_SOURCE_DIR, path.string())
                      .c_str());
  if (WEXITSTATUS(status) == 77) {
    WARN("not compared: PyTorch is not installed");
    return;
  }
  CHECK(WEXITSTATUS(status) == 0);
}
