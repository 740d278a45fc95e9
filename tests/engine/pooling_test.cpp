#include <cstring>
#include <limits>
#include <numeric>

#include <catch2/catch.hpp>

#include "framework/core/error.h"
#include "framework/engine/reference/reference.h"
#include "tests/engine/finite_difference.h"

using namespace bitsweep;

namespace {

struct PoolCase {
  ImageShape input;
  Sides kernel, stride;
  Border pad;
  bool ceil;
};

// Whole and clipped windows, overlapping and apart, gaps between windows, channels below,
// at, above and between multiples of a vector.
std::vector<PoolCase> pool_cases() {
  std::vector<PoolCase> cases;
  for (const int channels : {1, 3, 7, 8, 9, 10, 16, 20, 33, 50}) {
    cases.push_back({{6, 8, channels}, 2, 2, 0, false});
    cases.push_back({{7, 5, channels}, 2, 2, 0, false});
    cases.push_back({{8, 8, channels}, 3, 2, 0, true});
    cases.push_back({{7, 6, channels}, 3, 2, 1, false});
    cases.push_back({{9, 9, channels}, 2, 3, 0, true});
    cases.push_back({{5, 6, channels}, 4, 1, 2, true});
    cases.push_back({{4, 4, channels}, 1, 1, 0, false});
    cases.push_back({{6, 7, channels}, {2, 1}, {2, 1}, 0, false});
    cases.push_back({{7, 5, channels}, {1, 3}, {1, 2}, {0, 1, 0, 1}, true});
    cases.push_back({{5, 8, channels}, {3, 2}, {2, 3}, {2, 0, 1, 1}, false});
    cases.push_back({{8, 6, channels}, {4, 2}, {3, 1}, {0, 1, 3, 0}, true});
  }
  return cases;
}

PoolGeometry geometry_of(const PoolCase& c) {
  return pool_geometry(c.input, c.kernel, c.stride, c.pad, c.ceil);
}

// Few distinct values, so that windows have ties.
std::vector<float> values_with_ties(std::size_t size) {
  auto x = normal_values(size, "ties");
  for (float& v : x) v = std::round(2 * v);
  return x;
}

}  // namespace

TEST_CASE("a pooled image is as large as Caffe and PyTorch make it") {
  const auto pooled = [](int size, int kernel, int stride, int pad, bool ceil) {
    return pool_geometry({size, size, 1}, kernel, stride, pad, ceil).output.height;
  };
  CHECK(pooled(28, 2, 2, 0, false) == 14);
  CHECK(pooled(32, 3, 2, 0, true) == 16);   // Caffe's CIFAR-10 network
  CHECK(pooled(32, 3, 2, 0, false) == 15);  // the same rounded down
  CHECK(pooled(55, 3, 2, 0, true) == 27);   // AlexNet
  CHECK(pooled(4, 2, 2, 1, true) == 3);
  CHECK(pooled(5, 2, 2, 1, true) == 3);  // a fourth window would begin beyond the image
  CHECK(pooled(3, 1, 3, 0, true) == 1);
  const auto sides = pool_geometry({5, 9, 2}, {2, 3}, {1, 2}, {1, 0, 0, 2}, false).output;
  CHECK(sides == ImageShape{5, 5, 2});
  // Five windows of 3 every 2 would begin at 8, behind the image's 8 pixels.
  CHECK(pool_geometry({4, 8, 1}, {1, 3}, {1, 2}, {0, 0, 0, 2}, true).output.width == 4);
}

TEST_CASE("a pooling window that does not fit is refused with its sizes") {
  CHECK_THROWS_WITH(pool_geometry({4, 6, 1}, 5, 1, 0, false),
                    Catch::Contains("window of 5") && Catch::Contains("4x6"));
  CHECK_THROWS_AS(pool_geometry({4, 4, 1}, 2, 0, 0, false), ConfigError);
  CHECK_THROWS_AS(pool_geometry({4, 4, 1}, 2, 1, 2, false), ConfigError);
  CHECK_THROWS_AS(pool_geometry({40, 40, 1}, 17, 1, 0, false), ConfigError);
  CHECK_THROWS_AS(pool_geometry({4, 6, 1}, {2, 7}, 1, 0, false), ConfigError);
  CHECK_THROWS_WITH(pool_geometry({4, 6, 1}, {5, 2}, {1, 2}, {0, 1, 0, 0}, false),
                    Catch::Contains("window of 5x2 with stride 1x2 and border 0,1,0,0"));
}

TEST_CASE("average pooling of a ramp divides clipped windows by their clipped area") {
  std::vector<float> x(16), y(4);
  std::iota(x.begin(), x.end(), 0.0f);
  const auto g = pool_geometry({4, 4, 1}, 3, 2, 0, true);
  kernels::average_pool_forward(g, 1, x, y);
  CHECK(y == std::vector<float>{5, 6.5f, 11, 12.5f});
}

TEST_CASE("an average counts the border that a window covers") {
  const std::vector<float> x = {4, 8, 12, 16};
  std::vector<float> y(1);
  const auto g = pool_geometry({2, 2, 1}, 3, 3, 1, false);
  kernels::average_pool_forward(g, 1, x, y);
  CHECK(y[0] == 40.0f / 9);
}

TEST_CASE("the first of equal maxima gets the gradient") {
  const std::vector<float> x = {1, 5, 5, 5}, dy = {2};
  std::vector<float> y(1), dx(4, -1.0f);
  std::vector<std::uint8_t> argmax(1);
  const auto g = pool_geometry({2, 2, 1}, 2, 2, 0, false);
  kernels::max_pool_forward(g, 1, x, y, argmax);
  CHECK(y[0] == 5);
  CHECK(argmax[0] == 1);
  kernels::max_pool_backward(g, 1, dy, argmax, dx);
  CHECK(dx == std::vector<float>{0, 2, 0, 0});
}

TEST_CASE("a NaN wins every window that holds it, and infinities are compared") {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const auto g = pool_geometry({2, 2, 1}, 2, 2, 0, false);
  for (int place = 0; place < 4; ++place) {
    std::vector<float> x(4, kInfinity), y(1);
    x[std::size_t(place)] = kNan;
    std::vector<std::uint8_t> argmax(1);
    kernels::max_pool_forward(g, 1, x, y, argmax);
    CHECK(std::isnan(y[0]));
    CHECK(argmax[0] == place);
  }
  const std::vector<float> lowest(4, -kInfinity);
  std::vector<float> y(1);
  std::vector<std::uint8_t> argmax(1, 9);
  kernels::max_pool_forward(g, 1, lowest, y, argmax);
  CHECK(y[0] == -kInfinity);
  CHECK(argmax[0] == 0);
}

TEST_CASE("pooling kernels agree with their twins bit for bit") {
  constexpr int kImages = 2;
  for (const PoolCase& c : pool_cases()) {
    CAPTURE(c.input.height, c.input.channels, c.kernel, c.stride, c.pad, c.ceil);
    const auto g = geometry_of(c);
    const auto x = values_with_ties(kImages * g.input.elements());
    const auto dy = normal_values(kImages * g.output.elements(), "dy");
    std::vector<float> y(dy.size()), y_twin(dy.size()), dx(x.size(), 9),
        dx_twin(x.size());
    std::vector<std::uint8_t> argmax(dy.size()), argmax_twin(dy.size());

    kernels::max_pool_forward(g, kImages, x, y, argmax);
    reference::max_pool_forward(g, kImages, x, y_twin, argmax_twin);
    CHECK(y == y_twin);
    CHECK(argmax == argmax_twin);
    kernels::max_pool_backward(g, kImages, dy, argmax, dx);
    reference::max_pool_backward(g, kImages, dy, argmax, dx_twin);
    CHECK(dx == dx_twin);

    kernels::average_pool_forward(g, kImages, x, y);
    reference::average_pool_forward(g, kImages, x, y_twin);
    CHECK(y == y_twin);
    kernels::average_pool_backward(g, kImages, dy, dx);
    reference::average_pool_backward(g, kImages, dy, dx_twin);
    CHECK(dx == dx_twin);
  }
}

TEST_CASE("maxima without places are those with places, bit for bit") {
  constexpr int kImages = 2;
  for (const PoolCase& c : pool_cases()) {
    const auto g = geometry_of(c);
    auto x = values_with_ties(kImages * g.input.elements());
    for (std::size_t i = 0; i < x.size(); i += 3) {
      if (x[i] == 0) x[i] = i % 2 == 0 ? -0.0f : std::numeric_limits<float>::quiet_NaN();
    }
    const std::size_t outputs = kImages * g.output.elements();
    std::vector<float> wanted(outputs), found(outputs);
    std::vector<std::uint8_t> places(outputs);
    kernels::max_pool_forward(g, kImages, x, wanted, places);
    kernels::max_pool(g, kImages, std::span<const float>(x), found);
    CHECK(std::memcmp(found.data(), wanted.data(), outputs * sizeof(float)) == 0);

    const auto whole = values_with_ties(x.size());
    const std::vector<std::int32_t> sums(whole.begin(), whole.end());
    std::vector<std::int32_t> largest(outputs);
    kernels::max_pool_forward(g, kImages, whole, wanted, places);
    kernels::max_pool(g, kImages, std::span<const std::int32_t>(sums), largest);
    CHECK(std::equal(largest.begin(), largest.end(), wanted.begin()));
  }
}

TEST_CASE("global average pooling agrees with its twin bit for bit") {
  for (const int channels : {1, 10, 33}) {
    const ImageShape shape{3, 5, channels};
    const auto x = normal_values(2 * shape.elements(), "x");
    const auto dy = normal_values(std::size_t(2 * channels), "dy");
    std::vector<float> y(dy.size()), y_twin(dy.size()), dx(x.size()), dx_twin(x.size());
    kernels::global_average_pool_forward(shape, 2, x, y);
    reference::global_average_pool_forward(shape, 2, x, y_twin);
    CHECK(y == y_twin);
    kernels::global_average_pool_backward(shape, 2, dy, dx);
    reference::global_average_pool_backward(shape, 2, dy, dx_twin);
    CHECK(dx == dx_twin);
  }
}

TEST_CASE("pooling gradients agree with finite differences") {
  const auto g = pool_geometry({5, 6, 3}, 3, 2, 1, true);
  const auto dy = normal_values(g.output.elements(), "dy");
  // Values apart by more than the step, so that no maximum changes.
  std::vector<float> x(g.input.elements());
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = 0.1f * float(i * 37 % x.size());
  std::vector<float> y(dy.size()), dx(x.size());
  std::vector<std::uint8_t> argmax(dy.size());

  kernels::max_pool_forward(g, 1, x, y, argmax);
  kernels::max_pool_backward(g, 1, dy, argmax, dx);
  const auto largest = [&] {
    kernels::max_pool_forward(g, 1, x, y, argmax);
    return weighted_sum(y, dy);
  };
  check_gradient(x, dx, largest, 0.03,
                 1e-3);  // float rounding of values near 9 over 0.06

  kernels::average_pool_backward(g, 1, dy, dx);
  const auto average = [&] {
    kernels::average_pool_forward(g, 1, x, y);
    return weighted_sum(y, dy);
  };
  check_gradient(x, dx, average, 0.03, 1e-3);

  std::vector<float> means(3), dmeans = normal_values(3, "dmeans");
  kernels::global_average_pool_backward(g.input, 1, dmeans, dx);
  const auto global = [&] {
    kernels::global_average_pool_forward(g.input, 1, x, means);
    return weighted_sum(means, dmeans);
  };
  check_gradient(x, dx, global, 0.03, 1e-3);
}
