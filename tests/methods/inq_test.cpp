#include <cmath>

#include <catch2/catch.hpp>

#include "framework/quant/pruning.h"
#include "tests/methods/quantizers.h"

using namespace bitsweep;
using namespace bitsweep::testing;

namespace {

const Values kInqW = {0.31f, -0.05f,   0.127f, -0.443f, 0,
                      0.2f,  -0.0078f, 0.36f,  0.66f,   -0.013f};

Stage freeze(double portion) {
  return {.kind = Stage::Kind::kTransform, .portion = portion};
}

Values quantized_to(const char* bits) {
  const auto raw = params({{"weight_bits", bits}});
  return quantized(*calibrated("inq", raw, weight_site({1, 10}), kInqW), kInqW);
}

}  // namespace

TEST_CASE("inq: the nearest powers of two, worked by hand", "[inq]") {
  CHECK(quantized_to("5") == Values{0.25f, -0.0625f, 0.125f, -0.5f, 0, 0.25f, -0.0078125f,
                                    0.25f, 0.5f, -0.015625f});
  CHECK(quantized_to("4") ==
        Values{0.25f, -0.0625f, 0.125f, -0.5f, 0, 0.25f, 0, 0.25f, 0.5f, 0});
  CHECK(quantized_to("3") == Values{0.25f, 0, 0.25f, -0.5f, 0, 0.25f, 0, 0.25f, 0.5f, 0});
  CHECK(quantized_to("2") == Values{0.5f, 0, 0, -0.5f, 0, 0, 0, 0.5f, 0.5f, 0});
}

TEST_CASE("inq: the first round, worked by hand", "[inq]") {
  const auto q = quantizer_for("inq", {}, weight_site({1, 10}));
  Values w = kInqW;
  as<HasStages>(*q).begin_stage(freeze(0.5), w);  // half of the weights
  CHECK(w ==
        Values{0.25f, -0.05f, 0.127f, -0.5f, 0, 0.25f, -0.0078f, 0.25f, 0.5f, -0.013f});
  const Values g = {0.1f, -0.2f, 0.05f, 0.3f, -0.1f, 0.02f, -0.04f, 0.06f, 0.01f, 0.2f};
  const auto masked = gradient(*q, w, g);
  CHECK(masked == Values{0, -0.2f, 0.05f, 0, -0.1f, 0, -0.04f, 0, 0, 0.2f});
  for (std::size_t i = 0; i < w.size(); ++i) w[i] -= 0.1f * g[i];  // unmasked
  as<ChangesLatent>(*q).after_step(w);
  CHECK(
      near(w, {0.25, -0.03, 0.122, -0.5, 0.01, 0.25, -0.0038, 0.25, 0.5, -0.033}, 1e-7));

  as<HasStages>(*q).begin_stage(
      freeze(0.75), w);  // three quarters: two or three more, the largest free ones
  CHECK(w[2] == 0.125f);
  CHECK(w[9] == -0.03125f);
  as<HasStages>(*q).begin_stage(freeze(1), w);
  CHECK(quantized(*q, w) == w);
}

TEST_CASE("inq: in training free weights are seen as they are", "[inq]") {
  const auto q = quantizer_for("inq", {}, weight_site({1, 10}));
  Values w = kInqW;
  as<HasStages>(*q).begin_stage(freeze(0.5), w);
  CHECK(quantized(*q, w, {.training = true}) == w);
}

TEST_CASE("inq: portions are of the weights that are not pruned", "[inq]") {
  const auto q = quantizer_for("inq", {}, weight_site({1, 10}));
  Values w = kInqW;
  const Values kept = {1, 0, 0, 1, 0, 0, 0, 0, 1, 1};
  for (std::size_t i = 0; i < w.size(); ++i) w[i] *= kept[i];
  as<KnowsPruned>(*q).set_kept(kept);
  as<HasStages>(*q).begin_stage(freeze(0.5), w);  // two of four
  CHECK(w == Values{0.31f, 0, 0, -0.5f, 0, 0, 0, 0, 0.5f, -0.013f});
  CHECK(gradient(*q, w, Values(10, 1)) == Values{1, 0, 0, 0, 0, 0, 0, 0, 0, 1});
}

TEST_CASE("inq: ties go by the setting", "[inq]") {
  // 0.75 lies halfway between 0.5 and 1; the threshold of zero is 2^(n2 - 1).
  const Values w = {1, 0.75f, 0x1p-8f};
  const auto at = [&](const char* ties) {
    const auto raw = params({{"ties", ties}});
    return quantized(*calibrated("inq", raw, weight_site({1, 3}), w), w);
  };
  CHECK(at("large") == Values{1, 1, 0x1p-7f});
  CHECK(at("small") == Values{1, 0.5f, 0});
}

TEST_CASE("inq: a random partition freezes as many, others", "[inq]") {
  const auto frozen = [](const char* partition) {
    const auto q =
        quantizer_for("inq", params({{"partition", partition}}), weight_site({1, 400}));
    Values w = normal_values(400, 3);
    const Values before = w;
    as<HasStages>(*q).begin_stage(freeze(0.5), w);
    std::vector<bool> is_frozen(400);
    const auto mask = gradient(*q, w, Values(400, 1));
    for (std::size_t i = 0; i < 400; ++i) is_frozen[i] = mask[i] == 0;
    return is_frozen;
  };
  const auto random = frozen("random"), largest = frozen("magnitude");
  CHECK(std::count(random.begin(), random.end(), true) == 200);
  CHECK(std::count(largest.begin(), largest.end(), true) == 200);
  CHECK(random != largest);
}

TEST_CASE("inq: rounds of freezing and training end with all frozen", "[inq]") {
  const auto stages = builtin_methods().at("inq").make({})->stages();
  REQUIRE(stages.size() == 9);
  double shares = 0;
  for (std::size_t i = 1; i < 8; ++i) {
    const bool trains = i % 2 == 0;
    CHECK((stages[i].kind == Stage::Kind::kTrain) == trains);
    CHECK(stages[i].restart_schedule == trains);
    if (trains) shares += stages[i].share;
  }
  CHECK(shares == Approx(1));
  CHECK(stages[7].name == "freeze 100 %");
  CHECK(stages[8].kind == Stage::Kind::kReestimateNormalisation);
}

TEST_CASE("inq: portions must ascend to 1", "[inq]") {
  for (const auto& words : std::vector<std::vector<std::string>>{
           {"0.5", "0.75"}, {"0.75", "0.5", "1"}, {"0", "1"}}) {
    std::vector<ParamProblem> problems;
    RawParams raw;
    raw["portions"] = RawValue{.words = words, .is_list = true};
    builtin_methods().at("inq").resolve(raw, problems);
    CHECK(problems.size() == 1);
  }
}
