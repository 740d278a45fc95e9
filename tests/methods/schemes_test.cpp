// Schemes of libraries, as shipped, on worked numbers: codes are the original's.
#include <catch2/catch.hpp>

#include "framework/config/config_folders.h"
#include "framework/config/mapping_reader.h"
#include "framework/config/scheme_file.h"
#include "framework/config/yaml.h"
#include "framework/quant/encoded.h"
#include "framework/quant/range.h"
#include "tests/methods/quantizers.h"

using namespace bitsweep;
using namespace bitsweep::testing;

namespace {

const Values kW = {0.31f, -0.05f, 0.127f, -0.443f, 0, 0.2f, -0.0078f, 0.36f};
const Values kTwoFilters = {0.31f, -0.05f, 0.127f, -0.443f, 2, -0.5f, 1.1f, -1.27f};
const Values kNeuron = {-1, 0.4f, 2, 0.013f};
const Values kRectified = {0, 0.7f, 1.5f, 3, 6.2f};

// By 127 codes to a side, and by 127.5 with code -128.
const Codes kRestricted = {89, -14, 36, -127, 0, 57, -2, 103};
const Codes kHalfRange = {89, -14, 37, -128, 0, 58, -2, 104};
// Each filter by itself.
const Codes kByFilter = {89, -14, 36, -127, 127, -32, 70, -81};
// Over [-1, 2] in 255 steps, zero point -43.
const Codes kSigned = {-128, -9, 127, -42};
const Codes kUnsigned = {0, 119, 255, 86};

struct ShippedScheme {
  std::string id;
  RawParams params;
};

ShippedScheme scheme(const std::string& name) {
  Problems problems;
  const auto file = ConfigFolders().find("schemes", name);
  REQUIRE(file);
  const Node root = read_yaml(*file, problems);
  MappingReader reader(*root.find("method"), problems);
  const std::string id = reader.get("id")->word;
  ShippedScheme found{id, reader.others()};
  problems.throw_if_any();
  return found;
}

std::unique_ptr<Quantizer> on(const std::string& name, const Site& site,
                              const Values& x) {
  const ShippedScheme found = scheme(name);
  return calibrated(found.id, found.params, site, x);
}

Codes weight_codes(const std::string& name, const Values& w, int filters) {
  const auto q = on(name, weight_site({filters, int(w.size()) / filters}), w);
  return encoded(*q, w);
}

Codes input_codes(const std::string& name, const Values& x, bool is_signed = true) {
  return encoded(*on(name, value_site(Role::kInput, x.size(), is_signed), x), x);
}

}  // namespace

TEST_CASE("every scheme names a method that there is", "[scheme]") {
  for (const auto& name : known_schemes(ConfigFolders())) {
    CAPTURE(name);
    const ShippedScheme found = scheme(name);
    std::vector<ParamProblem> problems;
    builtin_methods().at(found.id).resolve(found.params, problems);
    CHECK(problems.empty());
  }
}

TEST_CASE("weights of schemes take the libraries' codes, worked", "[scheme]") {
  for (const auto* name :
       {"tensorrt-max", "tensorrt-entropy", "tflite-integer", "tflite-16x8",
        "tflite-dynamic-range", "onnxruntime-qdq", "neural-compressor-static",
        "neural-compressor-kl", "neural-compressor-dynamic"}) {
    CAPTURE(name);
    CHECK(weight_codes(name, kW, 1) == kRestricted);
  }
  for (const auto* name :
       {"pytorch-fbgemm", "pytorch-onednn", "pytorch-qnnpack", "pytorch-dynamic"}) {
    CAPTURE(name);
    CHECK(weight_codes(name, kW, 1) == kHalfRange);
  }
}

TEST_CASE("schemes have one scale a filter or one a layer, worked", "[scheme]") {
  for (const auto* name : {"tensorrt-max", "tflite-integer", "tflite-dynamic-range",
                           "neural-compressor-static", "neural-compressor-dynamic"}) {
    CAPTURE(name);
    CHECK(weight_codes(name, kTwoFilters, 2) == kByFilter);
  }
  for (const auto* name : {"onnxruntime-qdq", "pytorch-qnnpack", "pytorch-dynamic"}) {
    CAPTURE(name);
    CHECK(on(name, weight_site({2, 4}), kTwoFilters)->grid().scale_count() == 1);
  }
  CHECK(on("pytorch-fbgemm", weight_site({2, 4}), kTwoFilters)->grid().scale_count() ==
        2);
}

TEST_CASE("inputs of schemes take the libraries' codes, worked", "[scheme]") {
  for (const auto* name : {"tflite-integer", "tflite-dynamic-range", "onnxruntime-qdq"}) {
    CAPTURE(name);
    CHECK(input_codes(name, kNeuron) == kSigned);
  }
  for (const auto* name : {"neural-compressor-static", "neural-compressor-dynamic"}) {
    CAPTURE(name);
    CHECK(input_codes(name, kNeuron) == kUnsigned);
  }
  // Largest magnitude over 127: 2 / 127.
  CHECK(input_codes("tensorrt-max", kNeuron) == Codes{-64, 25, 127, 1});
  CHECK(input_codes("tflite-16x8", {-3, 1, 2}) == Codes{-32767, 10922, 21845});
}

TEST_CASE("PyTorch's schemes leave out a bit, worked", "[scheme]") {
  const auto x = Values(kRectified);
  const auto dynamic =
      on("pytorch-dynamic", value_site(Role::kInput, x.size(), false), x);
  CHECK(near(quantized(*dynamic, x), {0, 0.6835, 1.5134, 2.9780, 6.2}, 6e-5));
  const auto site = value_site(Role::kInput, x.size(), false);
  CHECK(on("pytorch-fbgemm", site, x)->grid().high_code() == 127);
  CHECK(on("pytorch-onednn", site, x)->grid().high_code() == 255);
  CHECK(on("pytorch-qnnpack", site, x)->grid().high_code() == 255);
}

TEST_CASE("a scheme's ranges are its estimator's, over the codes' steps", "[scheme]") {
  const auto x = normal_values(3000, 5);
  const auto site = value_site(Role::kInput, x.size());
  const auto clip = make_range_estimator("kl_nvidia", {.steps = 127, .bits = 8});
  clip->collect(x);
  CHECK(on("tensorrt-entropy", site, x)->grid().scales().front() ==
        clip->range().high / 127);
  const auto search = make_range_estimator("histogram_pytorch", {.bits = 8});
  search->collect(x);
  const Range range = search->range();
  CHECK(on("pytorch-onednn", site, x)->grid().scales().front() ==
        (range.high - range.low) / 255);
  CHECK(on("pytorch-fbgemm", site, x)->grid().scales().front() ==
        (range.high - range.low) / 127);
}

TEST_CASE("half-precision weights round to nearest, ties to even, worked", "[scheme]") {
  const Values w = {0.1f, 2049, 2051};
  const ShippedScheme found = scheme("tflite-float16");
  const auto q = calibrated(found.id, found.params, weight_site({1, 3}), w);
  CHECK(quantized(*q, w) == Values{0.0999755859375f, 2048, 2052});
}
