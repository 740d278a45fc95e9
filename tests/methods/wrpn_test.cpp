#include <cmath>

#include <catch2/catch.hpp>

#include "tests/methods/quantizers.h"

using namespace bitsweep;
using namespace bitsweep::testing;

namespace {

Values weights(const char* bits, const char* pre_scale = "none") {
  const auto raw = params({{"weight_bits", bits}, {"pre_scale", pre_scale}});
  return quantized(*calibrated("wrpn", raw, weight_site({1, 8}), kW8), kW8);
}

}  // namespace

TEST_CASE("wrpn: weights have equal steps on both sides of zero", "[wrpn]") {
  CHECK(weights("2") == Values{1, 0, 0, -1, 1, 0, 0, -1});
  CHECK(near(weights("3"), {1, -1. / 3, 0, -1, 2. / 3, 0, 1. / 3, -2. / 3}, 1e-6));
  CHECK(near(weights("4"), {6. / 7, -3. / 7, 0, -1, 4. / 7, 0, 2. / 7, -5. / 7}, 1e-6));
}

TEST_CASE("wrpn: gradients pass within the clip", "[wrpn]") {
  const auto q = quantizer_for("wrpn", {}, weight_site({1, 8}));
  CHECK(gradient(*q, kW8, kG8) == Values{0.1f, -0.2f, 0.3f, 0, -0.5f, 0.6f, -0.7f, 0.8f});
}

TEST_CASE("wrpn: small weights live on when measured in the largest", "[wrpn]") {
  Values small = kW8;
  for (float& w : small) w /= 64;
  const auto count_zeros = [&](const char* pre_scale) {
    const auto raw = params({{"pre_scale", pre_scale}});
    const auto y = quantized(*calibrated("wrpn", raw, weight_site({1, 8}), small), small);
    return std::count(y.begin(), y.end(), 0.0f);
  };
  CHECK(count_zeros("none") == 8);
  CHECK(count_zeros("max") < 4);
  CHECK(weights("2", "max")[3] == -1.3f);
}

TEST_CASE("wrpn: one bit is BWN's", "[wrpn]") {
  CHECK(near(weights("1"), {0.53, -0.53, 0.53, -0.53, 0.53, -0.53, 0.53, -0.53}, 1e-6));
}

TEST_CASE("wrpn: activations are DoReFa's", "[wrpn]") {
  const auto site = value_site(Role::kInput, 8);
  const auto raw = params({{"activation_bits", "3"}});
  CHECK(quantized(*quantizer_for("wrpn", raw, site), kX8) ==
        quantized(*quantizer_for("dorefa", raw, site), kX8));
}
