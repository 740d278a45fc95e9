#include <cmath>

#include <catch2/catch.hpp>

#include "tests/methods/quantizers.h"

using namespace bitsweep;
using namespace bitsweep::testing;

namespace {

Values qnn_weights(const char* bits, const char* grid = "linear") {
  const auto raw = params({{"weight_bits", bits}, {"grid", grid}});
  return quantized(*quantizer_for("qnn", raw, weight_site({1, 8})), kW8);
}

}  // namespace

TEST_CASE("qnn: signed linear grids reach from -1 to 1 less a step", "[qnn]") {
  CHECK(qnn_weights("2") == Values{0.5f, -0.5f, 0, -1, 0.5f, 0, 0.5f, -0.5f});
  CHECK(qnn_weights("3") == Values{0.75f, -0.5f, 0, -1, 0.5f, 0, 0.25f, -0.75f});
}

TEST_CASE("qnn: one bit is the sign", "[qnn]") {
  CHECK(qnn_weights("1") == Values{1, -1, 1, -1, 1, -1, 1, -1});
  CHECK(qnn_weights("1", "log") == qnn_weights("1"));
}

TEST_CASE("qnn: weights of one bit learn at BNN's rate", "[qnn]") {
  const auto rate = [](const char* method, const char* bits) {
    Parameter latent("w", 8);
    const auto q =
        quantizer_for(method, params({{"weight_bits", bits}}), weight_site({1, 8}));
    auto* const adopts = optional_interface<AdoptsLatent>(q.get());
    if (adopts != nullptr) adopts->adopt(latent);
    return latent.learning_rate_multiplier;
  };
  CHECK(rate("qnn", "1") == rate("bnn", "1"));
  CHECK(rate("qnn", "1") > 1);
  CHECK(rate("qnn", "2") == 1);
}

TEST_CASE("qnn: pre-scaled grids reach from -max|W| to max|W| less a step", "[qnn]") {
  const Values w = {0.02f, -0.08f, 0.045f, 0.079f};
  const auto q = calibrated("qnn", params({{"weight_bits", "3"}, {"pre_scale", "max"}}),
                            weight_site({1, 4}), w);
  CHECK(near(quantized(*q, w), {0.02, -0.08, 0.04, 0.06}, 1e-7));
  CHECK(gradient(*q, w, {1, 2, 3, 4}) == Values{1, 2, 3, 4});
}

TEST_CASE("qnn: logarithmic grids round the exponent and have no zero", "[qnn]") {
  // Eight exponents, from 0 to -7.
  CHECK(qnn_weights("4", "log") ==
        Values{1, -0.5f, 0.0625f, -1, 0.5f, -0.015625f, 0.25f, -0.5f});
  CHECK(qnn_weights("2", "log") == Values{1, -0.5f, 0.5f, -1, 0.5f, -0.5f, 0.5f, -0.5f});
}

TEST_CASE("qnn: inputs behind a ReLU keep to [0, 1]", "[qnn]") {
  const auto site = value_site(Role::kInput, 8, false);
  const auto linear = quantizer_for("qnn", params({{"activation_bits", "2"}}), site);
  CHECK(near(quantized(*linear, kX8), {0, 0, 1. / 3, 2. / 3, 1, 1, 1, 1}, 1e-6));
  CHECK(gradient(*linear, kX8, kG8) == Values{0, -0.2f, 0.3f, 0.4f, -0.5f, 0, 0, 0});
  const auto log =
      quantizer_for("qnn", params({{"activation_bits", "2"}, {"grid", "log"}}), site);
  CHECK(quantized(*log, kX8) == Values{0, 0, 0.5f, 0.5f, 1, 1, 1, 1});
}

TEST_CASE("qnn: weights pass gradients within 1 and are clipped", "[qnn]") {
  const auto q =
      quantizer_for("qnn", params({{"weight_bits", "3"}}), weight_site({1, 8}));
  CHECK(gradient(*q, kW8, kG8) == Values{0.1f, -0.2f, 0.3f, 0, -0.5f, 0.6f, -0.7f, 0.8f});
  Values w = kW8;
  as<ChangesLatent>(*q).after_step(w);
  CHECK(w[3] == -1);
}
