#include <catch2/catch.hpp>

#include "framework/quant/penalised.h"
#include "methods/entropy_penalty/code_length.h"
#include "tests/methods/quantizers.h"

using namespace bitsweep;
using namespace bitsweep::methods;
using namespace bitsweep::testing;

namespace {

CodeLength counted(const Values& w, std::size_t columns, int high, float step) {
  CodeLength length(columns, high);
  length.count(w, step);
  return length;
}

// A step of 1 and codes -7 to 7.
std::unique_ptr<Quantizer> with_step_one(const Site& site, const Values& w) {
  auto quantizer = quantizer_for(
      "entropy_penalty", params({{"weight_bits", "4"}, {"bit_cost", "0.5"}}), site);
  quantizer->prepare(w);
  return quantizer;
}

}  // namespace

TEST_CASE("entropy_penalty: the bits of eight weights, worked by hand",
          "[entropy_penalty]") {
  // Four rows of two inputs; not zero are 1 + 0.5 + 1 of the first four, 2.5 of all. A
  // half each way before: 3 of 9 in the tensor. A column begins with 8 weights of that
  // share: (2.5 + 8/3) / 12 and (8/3) / 12. Sizes 1, 2, 3 begin with a half: 2, 1, 1.
  const Values w = {1, 0, 0, 0, -0.5f, 0, 2.5f, 0};
  const auto length = counted(w, 2, 3, 1);
  const double signs = 2.5, sizes = 2 * 1 + 1 * 2 + 1 * 2;
  const double zero_or_not = 12 * 0.986044 + 12 * 0.764205 - 16 * 0.918296;
  CHECK(length.bits() == Approx(signs + sizes + zero_or_not).margin(1e-4));
  // log2((1 - p) / p) of the column, 1 for the sign, 1 for the size 1, and what the
  // tensor's share changes in both columns.
  const double shared = 8.0 / 9 * ((0.403356 - 1) + (1.807355 - 1));
  CHECK(length.nonzero_slope(0) == Approx(0.403356 + 2 + shared).margin(1e-5));
  CHECK(length.nonzero_slope(1) == Approx(1.807355 + 2 + shared).margin(1e-5));
  CHECK(length.size_slope(1) == Approx(1));
  CHECK(length.size_slope(2) == Approx(0));
  CHECK(length.size_slope(3) == 0);
}

TEST_CASE("entropy_penalty: the gradient of the bits is that of finite differences",
          "[entropy_penalty]") {
  const std::size_t columns = GENERATE(1u, 5u, 24u);
  const int high = GENERATE(1, 3, 7);
  constexpr float kStep = 0.4f, kLittle = 1e-3f;
  Values w = normal_values(120, 3, 0.5f);
  for (float& v : w) {  // away from whole numbers of steps, where the slope jumps
    const float u = v / kStep;
    if (std::fabs(u - std::rint(u)) < 0.01f) v += 0.02f * kStep;
  }
  Values gradient(w.size(), 1);
  counted(w, columns, high, kStep).add_gradient(w, 0.25, gradient);
  for (std::size_t i = 0; i < w.size(); ++i) {
    const auto bits_at = [&](float value) {
      Values moved = w;
      moved[i] = value;
      return counted(moved, columns, high, kStep).bits();
    };
    const float above = w[i] + kLittle, below = w[i] - kLittle;
    const double slope = (bits_at(above) - bits_at(below)) / (double(above) - below);
    // Sums of columns are floats, and so are good to 1e-6 / kLittle of a bit.
    CHECK(gradient[i] == Approx(1 + 0.25 * slope).epsilon(2e-3).margin(2e-2));
  }
}

TEST_CASE("entropy_penalty: what is nearly always zero is dear", "[entropy_penalty]") {
  Values sparse(1000, 0);
  Values dense(1000, 1);
  sparse[5] = 1;
  dense[5] = 0;
  CHECK(counted(sparse, 10, 1, 1).bits() < 30);
  CHECK(counted(sparse, 10, 1, 1).nonzero_slope(3) > 7);
  CHECK(counted(dense, 10, 1, 1).nonzero_slope(3) < 0);  // then zeros are
  // The same weight is cheaper where its input has others.
  Values column(1000, 0);
  for (std::size_t row = 0; row < 100; row += 2) column[10 * row + 3] = 1;
  const auto length = counted(column, 10, 1, 1);
  CHECK(length.nonzero_slope(3) + 3 < length.nonzero_slope(4));
}

TEST_CASE("entropy_penalty: the penalty stands beside the straight-through gradient",
          "[entropy_penalty]") {
  const Values w = {0.6f, -0.3f, 2.2f, -9};
  const auto quantizer = with_step_one(weight_site({4, 1}), w);
  CHECK(quantized(*quantizer, w) == Values{1, 0, 2, -7});
  const Values g = {1, 2, 3, 4};
  CHECK(gradient(*quantizer, w, g) == g);
  // dL/ds = sum of g code, by sqrt(N high).
  const double sum = 1 * 1 + 3 * 2 - 4 * 7;
  CHECK(near(learned_gradients(*quantizer, w, g), {sum / std::sqrt(4.0 * 7)}, 1e-6));
  const auto& penalised = as<Penalised>(*quantizer);
  const auto length = counted(w, 1, 7, 1);
  CHECK(penalised.penalty(w) == Approx(0.5 * length.bits()));
  Values own(4, 0);
  penalised.add_penalty_gradient(w, own);
  CHECK(near(own,
             {0.5 * length.nonzero_slope(0), -0.5 * length.nonzero_slope(0),
              0.5 * length.size_slope(2), 0},
             1e-6));
}

TEST_CASE("entropy_penalty: in the last stage zeros stay and bits are free",
          "[entropy_penalty]") {
  Values w = {0.6f, -0.3f, 2.2f, 0.1f};
  const auto quantizer = with_step_one(weight_site({2, 2}), w);
  as<HasStages>(*quantizer).begin_stage({.name = "keep zeros"}, w);
  CHECK(w == Values{0.6f, 0, 2.2f, 0});
  w = {0.6f, -3, 2.2f, 3};  // as momentum might carry them
  quantizer->prepare(w);
  CHECK(quantized(*quantizer, w) == Values{1, 0, 2, 0});
  CHECK(encoded(*quantizer, w) == Codes{1, 0, 2, 0});
  CHECK(gradient(*quantizer, w, {1, 1, 1, 1}) == Values{1, 0, 1, 0});
  CHECK(as<Penalised>(*quantizer).penalty(w) == 0);
  Values own(4, 0);
  as<Penalised>(*quantizer).add_penalty_gradient(w, own);
  CHECK(own == Values(4, 0));
}

TEST_CASE("entropy_penalty: latent weights do not wander off", "[entropy_penalty]") {
  Values w = {20, -20, 3};
  const auto quantizer = with_step_one(weight_site({3, 1}), w);
  as<ChangesLatent>(*quantizer).after_step(w);
  CHECK(w == Values{7.5f, -7.5f, 3});
}

TEST_CASE("entropy_penalty: the step begins by the weights' size", "[entropy_penalty]") {
  const Values w = {3, -4, 0, 0};
  const auto raw = params({{"step", "0.5"}});
  CHECK(learned_start("entropy_penalty", raw, weight_site({2, 2}), w) == 1.25f);
  CHECK(learned_start("entropy_penalty", raw, weight_site({2, 2}), Values(4, 0)) == 1);
}

TEST_CASE("entropy_penalty: the last share of the training tunes what is left",
          "[entropy_penalty]") {
  const auto stages = [](const char* share) {
    return builtin_methods()
        .at("entropy_penalty")
        .make(params({{"tune_share", share}}))
        ->stages();
  };
  REQUIRE(stages("0.25").size() == 4);
  CHECK(stages("0.25")[1].share == 0.75);
  CHECK(stages("0.25")[2].kind == Stage::Kind::kTransform);
  CHECK(stages("0.25")[3].share == 0.25);
  CHECK(stages("0").size() == 2);
}
