#include "framework/quant/edge.h"

#include <catch2/catch.hpp>

using namespace bitsweep;

namespace {

Site site_of(Role role, bool is_signed = true) {
  Site site;
  site.name = "conv1/x";
  site.role = role;
  site.elements = 4;
  site.is_signed = is_signed;
  return site;
}

}  // namespace

TEST_CASE("edge weights are symmetric and follow their largest magnitude", "[edge]") {
  for (const Role role : {Role::kWeight, Role::kBias}) {
    const auto quantizer = make_edge_quantizer(site_of(role), 8);
    std::vector<float> w = {1.27f, -0.5f, 0.004f, 0.006f};
    std::vector<std::int32_t> codes(4);
    quantizer->prepare(w);
    quantizer->encode(w, codes);
    CHECK(codes == std::vector<std::int32_t>{127, -50, 0, 1});
    w[0] = 2.54f;
    quantizer->prepare(w);
    quantizer->encode(w, codes);
    CHECK(codes == std::vector<std::int32_t>{127, -25, 0, 0});
    CHECK(quantizer->grid().low_code() == -127);
  }
}

TEST_CASE("the largest edge weight keeps its gradient", "[edge]") {
  const auto quantizer = make_edge_quantizer(site_of(Role::kWeight), 8);
  const std::vector<float> w = {1.27f, -0.5f, 0.004f, 0.006f};
  std::vector<float> dw = {1, 2, 3, 4};
  quantizer->prepare(w);
  quantizer->backward(w, dw, dw, {}, {.training = true});
  CHECK(dw == std::vector<float>{1, 2, 3, 4});
}

TEST_CASE("edge activations behind a ReLU spend no code on negatives", "[edge]") {
  const auto quantizer = make_edge_quantizer(site_of(Role::kInput, false), 8);
  quantizer->calibrate(std::vector<float>{0, 1});
  quantizer->calibrate(std::vector<float>{0.5f, 2.55f});
  quantizer->finish_calibration();
  const std::vector<float> x = {0, 1, 2.55f, 7};
  std::vector<std::int32_t> codes(4);
  quantizer->encode(x, codes);
  CHECK(codes == std::vector<std::int32_t>{0, 100, 255, 255});

  std::vector<float> dx = {1, 1, 1, 1};
  quantizer->backward(x, dx, dx, {}, {.training = true});
  CHECK(dx[1] == 1);
  CHECK(dx[3] == 0);  // clipped
}

TEST_CASE("signed edge activations give zero a code of its own", "[edge]") {
  const auto quantizer = make_edge_quantizer(site_of(Role::kInput), 8);
  quantizer->calibrate(std::vector<float>{-1, 4.1f});
  quantizer->finish_calibration();
  std::vector<float> y = {0, -1, 4.1f, -9};
  quantizer->forward(y, y, {});
  CHECK(y[0] == 0);
  CHECK(y[3] == Approx(-1).margin(0.02));  // one step is 5.1 / 255
}

TEST_CASE("edge gradients stay float", "[edge]") {
  CHECK(make_edge_quantizer(site_of(Role::kGradient), 8) == nullptr);
}
