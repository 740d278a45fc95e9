#include <catch2/catch.hpp>

#include "framework/engine/reference/reference.h"
#include "tests/engine/finite_difference.h"

using namespace bitsweep;

namespace {

struct Kind {
  decltype(&kernels::lrn_within_forward) forward, forward_twin;
  decltype(&kernels::lrn_within_backward) backward, backward_twin;
  decltype(&within_channel_scratch) scratch;
};

const Kind kWithin = {kernels::lrn_within_forward, reference::lrn_within_forward,
                      kernels::lrn_within_backward, reference::lrn_within_backward,
                      within_channel_scratch};
const Kind kAcross = {kernels::lrn_across_forward, reference::lrn_across_forward,
                      kernels::lrn_across_backward, reference::lrn_across_backward,
                      across_channels_scratch};

}  // namespace

TEST_CASE("a 3x3 image normalised within its channel gives Caffe's numbers") {
  const std::vector<float> x = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  const ResponseNormalisation lrn{.size = 3, .alpha = 5e-5f, .beta = 0.75f};
  std::vector<float> y(9), scratch(within_channel_scratch({3, 3, 1}, lrn));
  kernels::lrn_within_forward({3, 3, 1}, 1, lrn, x, y, scratch);
  const std::vector<float> expected = {0.99980838f, 1.999242f,   2.99907533f,
                                       3.99735205f, 4.99407071f, 5.99453082f,
                                       6.99551169f, 7.99097855f, 8.99228273f};
  check_close(y, expected, 3e-7);  // three float roundings
}

TEST_CASE("response normalisation agrees with its twins") {
  const Kind kind = GENERATE(kWithin, kAcross);
  const ImageShape shape = GENERATE(ImageShape{1, 1, 1}, ImageShape{3, 2, 10},
                                    ImageShape{8, 8, 32}, ImageShape{2, 7, 33});
  const int size = GENERATE(1, 3, 5, 7);
  const float beta = GENERATE(0.75f, 0.6f);
  CAPTURE(shape.height, shape.width, shape.channels, size, beta);
  const ResponseNormalisation lrn{.size = size, .alpha = 0.5f, .beta = beta, .k = 1.5f};
  constexpr int kImages = 2;
  const auto x = normal_values(kImages * shape.elements(), "x");
  const auto dy = normal_values(x.size(), "dy");
  // What the scratch held before must not matter.
  std::vector<float> scratch(kind.scratch(shape, lrn), std::nanf(""));
  std::vector<float> y(x.size()), twin(x.size());

  kind.forward(shape, kImages, lrn, x, y, scratch);
  kind.forward_twin(shape, kImages, lrn, x, twin, scratch);
  check_close(y, twin, 1e-6);  // ten float operations
  kind.backward(shape, kImages, lrn, x, dy, y, scratch);
  kind.backward_twin(shape, kImages, lrn, x, dy, twin, scratch);
  check_close(y, twin, 2e-6);

  auto in_place = x;
  kind.forward(shape, kImages, lrn, in_place, in_place, scratch);
  kind.forward(shape, kImages, lrn, x, y, scratch);
  CHECK(in_place == y);
  in_place = dy;
  kind.backward(shape, kImages, lrn, x, in_place, in_place, scratch);
  kind.backward(shape, kImages, lrn, x, dy, y, scratch);
  CHECK(in_place == y);
}

TEST_CASE("response normalisation's gradients agree with finite differences") {
  const Kind kind = GENERATE(kWithin, kAcross);
  const float beta = GENERATE(0.75f, 1.2f);
  const ImageShape shape{3, 4, 5};
  const ResponseNormalisation lrn{.size = 3, .alpha = 0.8f, .beta = beta, .k = 1};
  auto x = normal_values(shape.elements(), "x");
  const auto dy = normal_values(x.size(), "dy");
  std::vector<float> y(x.size()), dx(x.size()), scratch(kind.scratch(shape, lrn));
  kind.backward(shape, 1, lrn, x, dy, dx, scratch);
  const auto loss = [&] {
    kind.forward(shape, 1, lrn, x, y, scratch);
    return weighted_sum(y, dy);
  };
  // 60 values of rounding 2^-24 over a step of 0.02, and the step's square.
  check_gradient(x, dx, loss, 1e-2, 5e-4);
}
