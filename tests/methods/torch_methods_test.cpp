// Every method against PyTorch in double precision, where there is one: this side runs
// each quantizer once, forward and backward, and writes what went in and came out;
// methods_with_torch.py has each method's formulas and compares.

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "tests/methods/quantizers.h"
#include "tests/torch_comparison.h"

using namespace bitsweep;
using namespace bitsweep::testing;

namespace {

namespace fs = std::filesystem;

const fs::path kFolder = file_for_torch("torch_methods");
constexpr std::size_t kImages = 2;

using Variants = std::vector<RawParams>;

// What each method is asked for beside its defaults; a method that is not here is
// compared with its defaults.
const std::map<std::string, Variants>& variants() {
  static const std::map<std::string, Variants> all = {
      {"affine",
       {params({{"weight_bits", "4"},
                {"activation_bits", "4"},
                {"group", "layer"},
                {"weight_scheme", "affine"},
                {"weight_codes", "unsigned"},
                {"rounding", "half_away"},
                {"order", "tensorflow"}}),
        params({{"weight_bits", "3"},
                {"group", "block"},
                {"group_size", "15"},
                {"weight_codes", "signed"},
                {"order", "pytorch"},
                {"reduce_range", "true"}}),
        params({{"activation_bits", "3"},
                {"activation_scheme", "symmetric"},
                {"activation_codes", "by_sign"},
                {"activation_range", "max_abs"},
                {"rounding", "half_up"}})}},
      {"apot",
       {params({{"weight_bits", "2"}, {"activation_bits", "2"}}),
        params({{"weight_bits", "3"}, {"activation_bits", "3"}}),
        params({{"weight_bits", "5"}, {"mask_weight_gradient", "true"}})}},
      {"binaryconnect",
       {params({{"stochastic", "true"}}), params({{"scale", "glorot"}}),
        params({{"stochastic", "true"}, {"test_weights", "binary"}})}},
      {"bnn",
       {params({{"ste", "polynomial"}}), params({{"ste", "swish"}}),
        params({{"stochastic", "true"}})}},
      {"bwn",
       {params({{"center", "false"}}), params({{"group", "layer"}}),
        params({{"ste", "paper"}}), params({{"ste", "paper"}, {"group", "layer"}}),
        params({{"ste", "identity"}})}},
      {"dorefa",
       {params({{"weight_bits", "2"}, {"gradient_bits", "4"}}),
        params({{"weight_bits", "3"}, {"max_grad", "through"}, {"bound", "tanh"}}),
        params({{"weight_bits", "8"}, {"activation_bits", "1"}, {"bound", "abs"}})}},
      {"dynamic_fixed_point",
       {params({{"weight_bits", "3"},
                {"activation_bits", "4"},
                {"quantize_activations_in_training", "true"}}),
        params({{"weight_bits", "4"},
                {"activation_bits", "4"},
                {"training_rounding", "nearest"},
                {"rounding", "half_away"},
                {"quantize_activations_in_training", "true"},
                {"unsigned_inputs", "true"},
                {"weight_extra_bits", "-1"},
                {"activation_extra_bits", "1"}})}},
      {"entropy_penalty",
       {params({{"weight_bits", "2"}}), params({{"weight_bits", "8"}, {"step", "0.1"}})}},
      {"hwgq",
       {params({{"activation_bits", "3"}, {"ste", "vanilla"}}),
        params({{"levels", "lloyd"}, {"ste", "log"}}),
        params({{"init", "max"}, {"ste", "log"}})}},
      {"inq", {params({{"weight_bits", "3"}})}},
      {"int8_training",
       {params({{"weight_bits", "4"}, {"activation_bits", "4"}, {"group", "layer"}}),
        params({{"activation_bits", "3"}, {"activation_codes", "signed"}}),
        params({{"ranges", "learned"}, {"weight_bits", "3"}, {"activation_bits", "3"}}),
        params({{"ranges", "learned"}, {"group", "layer"}})}},
      {"lognet",
       {params({{"weight_base", "2"}, {"activation_base", "sqrt2"}}),
        params({{"weight_bits", "4"},
                {"activation_bits", "3"},
                {"gradient_bits", "5"},
                {"range_shift", "-1"}})}},
      {"lsq",
       {params({{"weight_bits", "2"}, {"activation_bits", "2"}, {"group", "filter"}}),
        params({{"offset", "true"}, {"activation_bits", "3"}, {"init", "lsqplus"}}),
        params({{"grad_scale", "sqrt_n"}}), params({{"grad_scale", "one"}})}},
      {"minifloat",
       {params({{"training_rounding", "nearest"}}),
        params({{"training_rounding", "nearest"},
                {"weight_bits", "4"},
                {"activation_bits", "4"},
                {"exponent_bits", "2"},
                {"rounding", "half_even"},
                {"quantize_activations_in_training", "true"}})}},
      {"pact", {params({{"weight_bits", "2"}, {"activation_bits", "2"}})}},
      {"power_of_two",
       {params({{"training_rounding", "nearest"},
                {"max_exponent", "0"},
                {"quantize_activations_in_training", "true"}})}},
      {"qnn",
       {params({{"weight_bits", "3"}, {"activation_bits", "1"}}),
        params({{"weight_bits", "4"}, {"pre_scale", "max"}}),
        params({{"weight_bits", "3"}, {"activation_bits", "3"}, {"grid", "log"}})}},
      {"static_fixed_point",
       {params({{"integer_bits", "1"},
                {"weight_bits", "4"},
                {"activation_bits", "4"},
                {"quantize_activations_in_training", "true"}})}},
      {"ttq",
       {params({{"t", "0.1"}, {"grad_reduce", "mean"}}),
        params({{"threshold", "sparsity"}})}},
      {"twn",
       {params({{"group", "filter"}, {"delta_factor", "0.75"}}),
        params({{"delta", "exact"}, {"ste", "clip1"}})}},
      {"wrpn",
       {params({{"weight_bits", "1"}, {"activation_bits", "1"}}),
        params({{"weight_bits", "3"}, {"pre_scale", "max"}})}},
      {"xnor", {params({{"center", "false"}, {"ste", "identity"}})}}};
  return all;
}

struct Case {
  std::string id;
  RawParams raw;
  Site site;
};

bool is_parameter(const Site& site) {
  return site.role == Role::kWeight || site.role == Role::kBias;
}

std::vector<Site> sites() {
  Site convolution = weight_site({4, 3, 3, 5}), linear = weight_site({6, 30});
  convolution.fan_out = 36;
  linear.fan_out = 6;
  linear.is_convolution = false;
  return {convolution,
          linear,
          value_site(Role::kBias, 24),
          value_site(Role::kInput, 96, /*is_signed=*/true, 6),
          value_site(Role::kInput, 96, /*is_signed=*/false, 6),
          value_site(Role::kOutput, 96, true, 6),
          value_site(Role::kGradient, 96, true, 6)};
}

Values values_for(const Site& site, std::uint64_t seed) {
  const std::size_t count = site.elements * (is_parameter(site) ? 1 : kImages);
  Values x = normal_values(count, seed, is_parameter(site) ? 0.7f : 1.5f);
  if (is_parameter(site)) x[3] = 9;  // beyond the end of fixed formats
  for (float& v : x) {
    if (!site.is_signed) v = std::fabs(v);
  }
  return x;
}

Pass pass_of(const Site& site, bool training) {
  return {.training = training, .images = is_parameter(site) ? 1 : kImages};
}

// Calibrated and prepared, with learned values that clip a good part of x.
std::unique_ptr<Quantizer> ready(const Case& one, const Values& x) {
  auto quantizer = calibrated(one.id, one.raw, one.site, x);
  if (!quantizer) return nullptr;
  float factor = 0.4f;
  for (Parameter* learned : quantizer->trainable()) {
    for (float& value : learned->value.span()) value *= factor += 0.05f;
  }
  return quantizer;
}

struct Outcome {
  Values training, evaluation, dx;
  std::vector<double> sums;
};

Outcome run(const Case& one, Quantizer& quantizer, const Values& x, const Values& g) {
  Outcome outcome{.training = Values(x.size()),
                  .evaluation = Values(x.size()),
                  .dx = Values(x.size()),
                  .sums = zero_sums(quantizer)};
  quantizer.forward(x, outcome.evaluation, pass_of(one.site, false));
  quantizer.forward(x, outcome.training, pass_of(one.site, true));
  quantizer.backward(x, g, outcome.dx, outcome.sums, pass_of(one.site, true));
  return outcome;
}

// Moves values that have a decision threshold or a bend nearby, where float and double
// may both be right and differ. The ends stay: a range may follow from them, exactly. So
// does a threshold that is one of the values and moves with it.
Values away_from_thresholds(const Case& one, Values x) {
  const Values ones(x.size(), 1);
  for (int round = 0; round < 20; ++round) {
    const auto quantizer = ready(one, x);
    const float nearby = 3e-6f * 9;
    Values below = x, above = x;
    for (float& v : below) v -= nearby;
    for (float& v : above) v += nearby;
    const Outcome low = run(one, *quantizer, below, ones);
    const Outcome high = run(one, *quantizer, above, ones);
    const auto [least, most] = std::minmax_element(x.begin(), x.end());
    const std::array ends = {*least, *most};
    bool moved = false;
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (x[i] == ends[0] || x[i] == ends[1]) continue;
      const auto jumps = [&](const Values& a, const Values& b, float bound) {
        return std::fabs(a[i] - b[i]) > bound;
      };
      if (jumps(low.training, high.training, 10 * nearby) ||
          jumps(low.evaluation, high.evaluation, 10 * nearby) ||
          jumps(low.dx, high.dx, 0.02f * std::max(1e-3f, std::fabs(low.dx[i])))) {
        x[i] += 5 * nearby;
        moved = true;
      }
    }
    if (!moved) return x;
  }
  return x;
}

// Tensors one behind the other in a file; in the JSON their names and sizes.
class TensorFile {
 public:
  explicit TensorFile(const fs::path& path) : file_(path, std::ios::binary) {}
  void add(const std::string& name, std::span<const float> values) {
    file_.write(reinterpret_cast<const char*>(values.data()),
                std::streamsize(values.size_bytes()));
    list_ +=
        fmt::format("{}[\"{}\", {}]", list_.empty() ? "" : ", ", name, values.size());
  }
  std::string take_list() { return "[" + std::exchange(list_, {}) + "]"; }

 private:
  std::ofstream file_;
  std::string list_;
};

std::string json_of(const RawParams& raw) {
  std::string text;
  for (const auto& [name, value] : raw) {
    text += fmt::format("{}\"{}\": \"{}\"", text.empty() ? "" : ", ", name, value.text());
  }
  return "{" + text + "}";
}

// Nothing where the method leaves the site in float.
std::string written(const Case& one, TensorFile& file) {
  if (!quantizer_for(one.id, one.raw, one.site)) return {};
  const Values x = away_from_thresholds(one, values_for(one.site, 11));
  const Values g = normal_values(x.size(), 12);
  const auto quantizer = ready(one, x);
  const Outcome outcome = run(one, *quantizer, x, g);
  quantizer->finish_gradient(outcome.sums);

  const auto draws =
      RandomStream(std::uint64_t(one.site.seed), one.site.name).substream(0);
  Values u(x.size());
  for (std::size_t i = 0; i < u.size(); ++i) u[i] = draws.uniform_at(std::uint32_t(i));
  file.add("x", x);
  file.add("g", g);
  file.add("draws", u);
  for (const Parameter* learned : quantizer->trainable()) {
    file.add("learned/" + learned->name, learned->value.span());
    file.add("gradient/" + learned->name, learned->gradient.span());
  }
  file.add("training", outcome.training);
  file.add("evaluation", outcome.evaluation);
  file.add("dx", outcome.dx);
  const Site& site = one.site;
  return fmt::format(
      "{{\"id\": \"{}\", \"params\": {}, \"role\": \"{}\", \"shape\": [{}], \"signed\": "
      "{}, \"convolution\": {}, \"elements\": {}, \"fans\": {}, \"tensors\": {}}}",
      one.id, json_of(one.raw), role_name(site.role), fmt::join(site.shape, ", "),
      site.is_signed, site.is_convolution, site.elements, site.fan_in + site.fan_out,
      file.take_list());
}

}  // namespace

TEST_CASE("every method computes what its formulas give in PyTorch", "[methods][torch]") {
  fs::create_directories(kFolder);
  auto file = std::make_optional<TensorFile>(kFolder / "methods.f32");
  std::string cases;
  for (const auto& id : builtin_methods().ids()) {
    const auto& entry = builtin_methods().at(id);
    Variants all = {{}};
    if (const auto more = variants().find(id); more != variants().end()) {
      all.insert(all.end(), more->second.begin(), more->second.end());
    }
    for (const RawParams& given : all) {
      std::vector<ParamProblem> problems;
      const RawParams raw = entry.resolve(given, problems);
      REQUIRE(problems.empty());
      for (const Site& site : sites()) {
        const std::string text = written({id, raw, site}, *file);
        if (!text.empty()) cases += (cases.empty() ? "" : ",\n") + text;
      }
    }
  }
  std::ofstream(kFolder / "methods.json")
      << fmt::format("{{\"ids\": [\"{}\"], \"cases\": [{}]}}",
                     fmt::join(builtin_methods().ids(), "\", \""), cases);
  file.reset();
  compare_with_torch("methods/methods_with_torch.py", kFolder);
}
