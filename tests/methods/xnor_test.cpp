#include <cmath>

#include <catch2/catch.hpp>

#include "tests/methods/quantizers.h"

using namespace bitsweep;
using namespace bitsweep::testing;

namespace {

// Two channels of three taps over four pixels, channels last.
const Values kI = {0.5f, -1.5f, -1, 0.5f, 2, 0, 0.25f, -0.75f};
const Values kFilter = {0.2f, -0.3f, -0.5f, 0.4f, 0.1f, 0.6f};

// The convolution without padding, one filter.
Values convolved(const Values& image, const Values& filter) {
  Values y;
  for (std::size_t begin = 0; begin + filter.size() <= image.size(); begin += 2) {
    float sum = 0;
    for (std::size_t i = 0; i < filter.size(); ++i) sum += image[begin + i] * filter[i];
    y.push_back(sum);
  }
  return y;
}

}  // namespace

TEST_CASE("xnor: the paper's product with and without K", "[xnor]") {
  Site site = value_site(Role::kInput, 8, true, 2);
  site.shape = {1, 4, 2};
  const auto raw = params({{"center", "false"}, {"input_scale", "true"}});
  const auto input = quantizer_for("xnor", raw, site);
  const auto weights = calibrated("xnor", raw, weight_site({1, 1, 3, 2}), kFilter);

  const auto without = convolved(quantized(*input, kI), quantized(*weights, kFilter));
  CHECK(near(without, {2.1, -0.7}, 1e-6));

  const auto* scaled = optional_interface<PixelScaled>(input.get());
  REQUIRE(scaled != nullptr);
  Values a(4);
  scaled->pixel_scales(kI, a, {});
  CHECK(a == Values{1, 0.75f, 1, 0.5f});
  const double k[] = {(a[0] + a[1] + a[2]) / 3, (a[1] + a[2] + a[3]) / 3};
  CHECK(without[0] * k[0] == Approx(1.925));
  CHECK(without[1] * k[1] == Approx(-0.525));
}

TEST_CASE("xnor: the released code has no K", "[xnor]") {
  const auto plain = quantizer_for("xnor", {}, value_site(Role::kInput, 8));
  CHECK(optional_interface<PixelScaled>(plain.get()) == nullptr);
}

TEST_CASE("xnor: inputs pass gradients within 1", "[xnor]") {
  const auto q = quantizer_for("xnor", {}, value_site(Role::kInput, 8));
  CHECK(gradient(*q, kX8, kG8) == Values{0.1f, -0.2f, 0.3f, 0.4f, -0.5f, 0, 0, 0});
}

TEST_CASE("xnor: weights are BWN's", "[xnor]") {
  const Site site = weight_site({4, 3, 3, 5});
  const auto w = normal_values(site.elements, 3);
  const auto raw = params({{"group", "layer"}, {"ste", "paper"}});
  const auto xnor = calibrated("xnor", raw, site, w),
             bwn = calibrated("bwn", raw, site, w);
  CHECK(quantized(*xnor, w) == quantized(*bwn, w));
  CHECK(gradient(*xnor, w, w) == gradient(*bwn, w, w));
}
