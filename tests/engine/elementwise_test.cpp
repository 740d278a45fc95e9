#include <limits>

#include <catch2/catch.hpp>

#include "framework/core/error.h"
#include "framework/engine/reference/reference.h"
#include "framework/engine/vector_math.h"
#include "tests/engine/finite_difference.h"

using namespace bitsweep;

namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();
const std::vector<std::size_t> kSizes = {0, 1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 257};

// Normal values, with exact ends, ties and zeros among them.
std::vector<float> awkward_values(std::size_t size) {
  auto x = normal_values(size, "awkward");
  const std::vector<float> special = {1, -1, 0, -0.0f, 0.5f, -0.5f, 1.5f, 2.5f};
  for (std::size_t i = 0; i < size; i += 3) x[i] = special[i / 3 % special.size()];
  return x;
}

/// Runs kernel and twin from x of every size, and the kernel again in place.
template <class Kernel, class Twin>
void check_twins(Kernel kernel, Twin twin) {
  for (const std::size_t size : kSizes) {
    CAPTURE(size);
    auto x = awkward_values(size);
    std::vector<float> y(size), y_twin(size);
    kernel(x, y);
    twin(x, y_twin);
    CHECK(y == y_twin);
    kernel(x, x);
    CHECK(x == y_twin);
  }
}

#define CHECK_TWINS(call)                                                           \
  check_twins([&](std::span<const float> x, std::span<float> y) { kernels::call; }, \
              [&](std::span<const float> x, std::span<float> y) { reference::call; })

float rounded(Rounding rounding, float x) {
  std::vector<float> y(1);
  kernels::fake_quantize(std::vector<float>{x}, {.low = -1e9f, .high = 1e9f}, rounding,
                         y);
  return y[0];
}

}  // namespace

TEST_CASE("activations agree with their twins bit for bit") {
  CHECK_TWINS(relu_forward(x, y));
  CHECK_TWINS(hard_tanh_forward(x, y));
  const auto dy = normal_values(257, "dy");
  const auto head = [&](std::size_t n) { return std::span(dy).subspan(0, n); };
  CHECK_TWINS(relu_backward(x, head(x.size()), y));
  CHECK_TWINS(hard_tanh_backward(x, head(x.size()), y));
}

TEST_CASE("a NaN passes through an activation and a quantizer") {
  const std::vector<float> x = {kNan};
  std::vector<float> y(1);
  const auto is_nan = [&] { return std::isnan(y[0]); };
  kernels::relu_forward(x, y);
  CHECK(is_nan());
  kernels::hard_tanh_forward(x, y);
  CHECK(is_nan());
  kernels::fake_quantize(x, {.low = -8, .high = 7}, Rounding::kHalfAway, y);
  CHECK(is_nan());
}

TEST_CASE("sums and copies do what they say") {
  const std::vector<float> a = {1, 2, 3}, b = {10, 20, 30};
  std::vector<float> y(3);
  kernels::add(a, b, y);
  CHECK(y == std::vector<float>{11, 22, 33});
  kernels::add_into(a, y);
  CHECK(y == std::vector<float>{12, 24, 36});
  kernels::copy(b, y);
  CHECK(y == b);
}

TEST_CASE("vector tanh is within 3 units in the last place, and odd") {
  double worst = 0;
  for (float x = 1e-30f; x < 20; x *= 1.0003f) {
    const double exact = std::tanh(double(x));
    const float ulp = std::nextafter(float(exact), 2.0f) - float(exact);
    worst = std::max(worst, std::abs(vector_tanh(x) - exact) / ulp);
    if (vector_tanh(-x) != -vector_tanh(x)) FAIL_CHECK("not odd at " << x);
  }
  CHECK(worst < 3);
  CHECK(vector_tanh(0.0f) == 0);
  CHECK(std::signbit(vector_tanh(-0.0f)));
  CHECK(vector_tanh(kInfinity) == 1);
  CHECK(vector_tanh(-kInfinity) == -1);
  CHECK(std::isnan(vector_tanh(kNan)));
  CHECK(vector_tanh(1e-42f) == 1e-42f);
}

TEST_CASE("dropout keeps its share, keeps the mean, and draws by index") {
  const RandomStream random(3, "dropout");
  const std::vector<float> ones(20000, 1.0f);
  std::vector<float> dropped(ones.size());
  kernels::dropout(ones, 0.3f, random, 0, dropped);
  double sum = 0;
  for (const float v : dropped) sum += v;
  CHECK_THAT(sum / double(dropped.size()),
             Catch::Matchers::WithinAbs(1, 0.02));  // 4 deviations
  std::vector<float> tail(1000);
  kernels::dropout(std::span(ones).subspan(0, 1000), 0.3f, random, 19000, tail);
  CHECK(std::equal(tail.begin(), tail.end(), dropped.begin() + 19000));
  CHECK_TWINS(dropout(x, 0.3f, random, 5, y));
}

TEST_CASE("each rounding treats ties in its own way") {
  const std::vector<float> x = {-2.5f, -1.5f, -0.5f, 0.5f, 1.5f, 2.5f};
  const auto all = [&](Rounding rounding) {
    std::vector<float> y;
    for (const float v : x) y.push_back(rounded(rounding, v));
    return y;
  };
  CHECK(all(Rounding::kHalfEven) == std::vector<float>{-2, -2, 0, 0, 2, 2});
  CHECK(all(Rounding::kHalfAway) == std::vector<float>{-3, -2, -1, 1, 2, 3});
  CHECK(all(Rounding::kHalfUp) == std::vector<float>{-2, -1, 0, 1, 2, 3});
  CHECK(all(Rounding::kFloor) == std::vector<float>{-3, -2, -1, 0, 1, 2});
}

TEST_CASE("no rounding is misled by the largest float below a half") {
  const float below = std::nextafter(0.5f, 0.0f);
  CHECK(rounded(Rounding::kHalfAway, below) == 0);
  CHECK(rounded(Rounding::kHalfUp, below) == 0);
  CHECK(rounded(Rounding::kHalfAway, -below) == 0);
  CHECK(rounded(Rounding::kHalfUp, 8388609.0f) ==
        8388609.0f);  // 2^23 + 1 has no fraction
  CHECK(rounded(Rounding::kHalfAway, 8388609.0f) == 8388609.0f);
}

TEST_CASE("fake quantization agrees with its twins bit for bit") {
  const UniformQuantization q{.scale = 0.25f, .zero_point = 3, .low = 0, .high = 15};
  for (const Rounding rounding :
       {Rounding::kHalfEven, Rounding::kHalfAway, Rounding::kHalfUp, Rounding::kFloor}) {
    CAPTURE(int(rounding));
    CHECK_TWINS(fake_quantize(x, q, rounding, y));
  }
  const RandomStream random(3, "rounding");
  CHECK_TWINS(fake_quantize_stochastic(x, q, random, 11, y));
}

TEST_CASE(
    "8-bit fixed point with 4 fraction bits rounds and saturates as worked out by hand") {
  const std::vector<float> x = {0.03f,  -0.27f,   0.50f, -0.74f, 1.06f,
                                -1.31f, 0.34375f, 7.99f, -9.2f,  0};
  std::vector<float> y(x.size());
  kernels::fake_quantize(x, {.scale = 1.0f / 16, .low = -128, .high = 127},
                         Rounding::kHalfAway, y);
  CHECK(y == std::vector<float>{0, -0.25f, 0.5f, -0.75f, 1.0625f, -1.3125f, 0.375f,
                                7.9375f, -8, 0});
}

TEST_CASE("stochastic rounding is floor(x + u) without the sum's own rounding") {
  CHECK(round_stochastic(4.96f, 0.10f) == 5);
  CHECK(round_stochastic(4.96f, 0.03f) == 4);
  CHECK(round_stochastic(-0.8f, 0.9f) == 0);
  CHECK(round_stochastic(-0.8f, 0.1f) == -1);
  CHECK(round_stochastic(2.5f, 0.5f) == 3);
  CHECK(round_stochastic(32767, 0.9999999f) == 32767);
}

TEST_CASE("stochastic rounding keeps the mean, and integers as they are") {
  const RandomStream random(5, "rounding");
  const UniformQuantization q{.low = -200, .high = 200};
  const std::vector<float> x(40000, 2.3f);
  std::vector<float> y(x.size());
  kernels::fake_quantize_stochastic(x, q, random, 0, y);
  double sum = 0;
  for (const float v : y) {
    sum += v;
    if (v != 2 && v != 3) FAIL_CHECK("2.3 became " << v);
  }
  CHECK_THAT(sum / double(y.size()),
             Catch::Matchers::WithinAbs(2.3, 0.01));  // 4 deviations
  const std::vector<float> whole(40000, -131.0f);
  kernels::fake_quantize_stochastic(whole, q, random, 0, y);
  CHECK(y == whole);
}

TEST_CASE("straight-through rules agree with their twins") {
  for (const auto& name : straight_through_names()) {
    const StraightThrough rule = straight_through_named(name);
    for (const std::size_t size : kSizes) {
      CAPTURE(name, size);
      const auto x = awkward_values(size);
      const auto dy = normal_values(size, "dy");
      std::vector<float> dx(size), dx_twin(size);
      kernels::straight_through(rule, x, dy, -0.5f, 1.5f, dx);
      reference::straight_through(rule, x, dy, -0.5f, 1.5f, dx_twin);
      check_close(dx, dx_twin, 3e-6);  // swish: a tanh of 3 units, times 25
    }
  }
}

TEST_CASE("straight-through slopes stay finite and go to zero far out") {
  const std::vector<float> x = {-1e20f, -50, 50, 1e20f}, dy(4, 1.0f);
  std::vector<float> dx(4);
  kernels::straight_through(StraightThrough::kSwish, x, dy, 0, 0, dx);
  for (const float slope : dx) CHECK(slope == 0);
}

TEST_CASE("activation gradients agree with finite differences") {
  auto x = normal_values(40, "x");
  const auto dy = normal_values(40, "dy");
  std::vector<float> y(40), dx(40);
  const auto relu = [&] {
    kernels::relu_forward(x, y);
    return weighted_sum(y, dy);
  };
  relu();
  kernels::relu_backward(y, dy, dx);
  check_gradient(x, dx, relu, 1e-3, 1e-3);  // no value is within a step of the kink
  kernels::hard_tanh_backward(x, dy, dx);
  const auto hard_tanh = [&] {
    kernels::hard_tanh_forward(x, y);
    return weighted_sum(y, dy);
  };
  check_gradient(x, dx, hard_tanh, 1e-3, 1e-3);
}

TEST_CASE("rules are found by name, and an unknown one gets the list") {
  for (const auto& name : rounding_names()) {
    CHECK(rounding_names()[std::size_t(rounding_named(name))] == name);
  }
  CHECK(rounding_named("half_away") == Rounding::kHalfAway);
  CHECK(straight_through_named("swish") == StraightThrough::kSwish);
  CHECK_THROWS_WITH(rounding_named("nearest"),
                    Catch::Contains("'nearest'") && Catch::Contains("half_even"));
}
