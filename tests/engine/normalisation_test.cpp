#include <catch2/catch.hpp>

#include "framework/engine/reference/reference.h"
#include "tests/engine/finite_difference.h"

using namespace bitsweep;

namespace {

const std::vector<std::size_t> kChannels = {1, 3, 10, 16, 20, 50, 64, 100, 129, 257, 600};
const std::vector<std::size_t> kPixels = {1, 2, 5, 300};

/// A batch with its per-channel values.
struct Batch {
  Batch(std::size_t pixels, std::size_t channels)
      : x(normal_values(pixels * channels, "x")),
        dy(normal_values(pixels * channels, "dy")),
        addend(normal_values(pixels * channels, "addend")),
        scale(normal_values(channels, "scale")),
        shift(normal_values(channels, "shift")),
        mean(normal_values(channels, "mean")),
        inverse(channels, 1.5f),
        y(x.size()),
        y_twin(x.size()),
        sum(channels),
        second(channels),
        sum_twin(channels),
        second_twin(channels) {}

  ChannelAffine affine() const { return {scale, shift}; }
  ChannelMoments moments() const { return {mean, inverse}; }
  ChannelSums sums() { return {sum, second}; }
  ChannelSums twin_sums() { return {sum_twin, second_twin}; }

  // Float sums of at most 64 terms of size 1 to 10: a few roundings of 2^-24 of each.
  void check_sums() const {
    const double bound = 1e-5 * std::sqrt(double(x.size() / sum.size())) + 1e-6;
    for (std::size_t c = 0; c < sum.size(); ++c) {
      CAPTURE(c);
      CHECK_THAT(sum[c], Catch::Matchers::WithinAbs(sum_twin[c], bound));
      CHECK_THAT(second[c], Catch::Matchers::WithinAbs(
                                second_twin[c], bound + 1e-6 * std::abs(second_twin[c])));
    }
  }

  std::vector<float> x, dy, addend, scale, shift, mean, inverse, y, y_twin;
  std::vector<double> sum, second, sum_twin, second_twin;
};

template <class Check>
void for_each_batch(Check check) {
  for (const std::size_t channels : kChannels) {
    for (const std::size_t pixels : kPixels) {
      CAPTURE(pixels, channels);
      Batch batch(pixels, channels);
      check(batch);
    }
  }
}

/// The whole forward pass of a layer, optionally with ReLU, as a float loss.
struct Layer {
  std::vector<float> gamma, beta, mean, variance, scale, shift, inverse;

  explicit Layer(std::size_t channels)
      : gamma(normal_values(channels, "gamma")),
        beta(normal_values(channels, "beta")),
        mean(channels),
        variance(channels),
        scale(channels),
        shift(channels),
        inverse(channels) {}

  std::size_t channels() const { return gamma.size(); }

  void measure(std::span<const float> x) {
    std::vector<double> sum(channels()), squares(channels());
    const auto around = x.subspan(0, channels());
    kernels::batch_statistics(x, around, sum, squares);
    kernels::batch_moments(x.size() / channels(), around, sum, squares, mean, variance);
    kernels::fold_normalisation(gamma, beta, mean, variance, 1e-5f, scale, shift,
                                inverse);
  }
};

}  // namespace

TEST_CASE("statistics agree with their twin for every number of channels") {
  for_each_batch([](Batch& b) {
    kernels::batch_statistics(b.x, b.mean, b.sum, b.second);
    reference::batch_statistics(b.x, b.mean, b.sum_twin, b.second_twin);
    b.check_sums();
  });
}

TEST_CASE("a mean far above the deviation costs the variance no accuracy") {
  constexpr std::size_t kPixelCount = 4096, kChannelCount = 10;
  auto x = normal_values(kPixelCount * kChannelCount, "x");
  for (float& v : x) v = 1000 + 0.01f * v;
  double mean = 0, variance = 0;  // of channel 3, in two passes
  for (std::size_t i = 3; i < x.size(); i += kChannelCount) mean += x[i];
  mean /= kPixelCount;
  for (std::size_t i = 3; i < x.size(); i += kChannelCount) {
    variance += (x[i] - mean) * (x[i] - mean);
  }
  variance /= kPixelCount;

  Layer layer(kChannelCount);
  layer.measure(x);
  CHECK_THAT(layer.mean[3], Catch::Matchers::WithinRel(float(mean), 1e-7f));
  CHECK_THAT(layer.variance[3], Catch::Matchers::WithinRel(float(variance), 1e-5f));
}

TEST_CASE("slices' statistics add up to the batch's") {
  const std::size_t channels = 20;
  const auto x = normal_values(64 * channels, "x");
  const std::span<const float> all = x;
  const auto around = all.subspan(0, channels);
  std::vector<double> sum(channels), squares(channels), whole(channels), other(channels);
  kernels::batch_statistics(all.subspan(0, 24 * channels), around, sum, squares);
  kernels::batch_statistics(all.subspan(24 * channels), around, whole, other);
  for (std::size_t c = 0; c < channels; ++c) sum[c] += whole[c];
  kernels::batch_statistics(all, around, whole, other);
  for (std::size_t c = 0; c < channels; ++c) {
    CHECK_THAT(sum[c], Catch::Matchers::WithinAbs(whole[c], 1e-5));
  }
}

TEST_CASE("a normalised batch has mean beta and deviation gamma") {
  Layer layer(16);
  auto x = normal_values(500 * 16, "x");
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = 3 * x[i] + float(i % 16);
  layer.measure(x);
  std::vector<float> y(x.size());
  kernels::normalise(x, {layer.scale, layer.shift}, y);
  double sum = 0, squares = 0;
  for (std::size_t i = 5; i < y.size(); i += 16) {
    sum += y[i];
    squares += (y[i] - layer.beta[5]) * (y[i] - layer.beta[5]);
  }
  CHECK_THAT(sum / 500, Catch::Matchers::WithinAbs(layer.beta[5], 1e-5));
  CHECK_THAT(std::sqrt(squares / 500),
             Catch::Matchers::WithinRel(std::abs(double(layer.gamma[5])), 1e-4));
}

TEST_CASE("normalisation agrees with its twins bit for bit") {
  for_each_batch([](Batch& b) {
    kernels::normalise(b.x, b.affine(), b.y);
    reference::normalise(b.x, b.affine(), b.y_twin);
    CHECK(b.y == b.y_twin);
    kernels::normalise_relu(b.x, b.affine(), b.y);
    reference::normalise_relu(b.x, b.affine(), b.y_twin);
    CHECK(b.y == b.y_twin);
    kernels::normalise_add_relu(b.x, b.affine(), b.addend, b.y);
    reference::normalise_add_relu(b.x, b.affine(), b.addend, b.y_twin);
    CHECK(b.y == b.y_twin);
    const ChannelGradient gradient{b.scale, b.mean, b.inverse};
    kernels::normalise_backward(b.x, b.dy, gradient, b.y);
    reference::normalise_backward(b.x, b.dy, gradient, b.y_twin);
    CHECK(b.y == b.y_twin);
    kernels::normalise_relu_backward(b.x, b.dy, gradient, b.shift, b.y);
    reference::normalise_relu_backward(b.x, b.dy, gradient, b.shift, b.y_twin);
    CHECK(b.y == b.y_twin);
  });
}

TEST_CASE("normalisation works in place") {
  Batch b(37, 20);
  kernels::normalise_relu(b.x, b.affine(), b.y);
  auto x = b.x;
  kernels::normalise_relu(x, b.affine(), x);
  CHECK(x == b.y);
  auto addend = b.addend;
  kernels::normalise_add_relu(b.x, b.affine(), b.addend, b.y);
  kernels::normalise_add_relu(b.x, b.affine(), addend, addend);
  CHECK(addend == b.y);
  const ChannelGradient gradient{b.scale, b.mean, b.inverse};
  kernels::normalise_relu_backward(b.x, b.dy, gradient, b.shift, b.y);
  auto dy = b.dy;
  kernels::normalise_relu_backward(b.x, dy, gradient, b.shift, dy);
  CHECK(dy == b.y);
}

TEST_CASE("backward sums agree with their twins") {
  for_each_batch([](Batch& b) {
    kernels::normalise_backward_sums(b.x, b.dy, b.moments(), b.sums());
    reference::normalise_backward_sums(b.x, b.dy, b.moments(), b.twin_sums());
    b.check_sums();
    kernels::normalise_relu_backward_sums(b.x, b.dy, b.affine(), b.moments(), b.sums());
    reference::normalise_relu_backward_sums(b.x, b.dy, b.affine(), b.moments(),
                                            b.twin_sums());
    b.check_sums();
    auto dy = b.dy, dy_twin = b.dy;
    kernels::normalise_add_relu_backward_sums(b.x, b.addend, dy, b.moments(), b.sums());
    reference::normalise_add_relu_backward_sums(b.x, b.addend, dy_twin, b.moments(),
                                                b.twin_sums());
    CHECK(dy == dy_twin);
    b.check_sums();
  });
}

TEST_CASE("batch normalisation's gradients agree with finite differences") {
  constexpr std::size_t kChannelCount = 3, kPixelCount = 12;
  const bool with_relu = GENERATE(false, true);
  CAPTURE(with_relu);
  Layer layer(kChannelCount);
  auto x = normal_values(kPixelCount * kChannelCount, "fd x");
  const auto dy = normal_values(x.size(), "fd dy");
  std::vector<float> y(x.size());
  const auto loss = [&] {
    layer.measure(x);
    const ChannelAffine affine{layer.scale, layer.shift};
    with_relu ? kernels::normalise_relu(x, affine, y) : kernels::normalise(x, affine, y);
    return weighted_sum(y, dy);
  };
  loss();

  const ChannelMoments moments{layer.mean, layer.inverse};
  const auto scale = layer.scale, shift = layer.shift;
  std::vector<double> sum_dy(kChannelCount), sum_dy_xhat(kChannelCount);
  std::vector<float> slope(kChannelCount), constant(kChannelCount), dx(x.size());
  if (with_relu) {
    kernels::normalise_relu_backward_sums(x, dy, {scale, shift}, moments,
                                          {sum_dy, sum_dy_xhat});
  } else {
    kernels::normalise_backward_sums(x, dy, moments, {sum_dy, sum_dy_xhat});
  }
  kernels::fold_gradient(kPixelCount, scale, moments, sum_dy, sum_dy_xhat, slope,
                         constant);
  const ChannelGradient gradient{scale, slope, constant};
  with_relu ? kernels::normalise_relu_backward(x, dy, gradient, shift, dx)
            : kernels::normalise_backward(x, dy, gradient, dx);

  // Rounding: 36 values of 2^-24 over a step of 2e-3. Curvature: its square. No value
  // here stands within a step of the ReLU's kink.
  check_gradient(x, dx, loss, 1e-3, 2e-3);
  const std::vector<float> dgamma(sum_dy_xhat.begin(), sum_dy_xhat.end());
  const std::vector<float> dbeta(sum_dy.begin(), sum_dy.end());
  check_gradient(layer.gamma, dgamma, loss, 1e-3, 2e-3);
  check_gradient(layer.beta, dbeta, loss, 1e-3, 2e-3);
}

TEST_CASE("a NaN passes through normalisation with ReLU") {
  const std::vector<float> x = {std::nanf(""), 1}, one = {1}, zero = {0};
  std::vector<float> y(2);
  kernels::normalise_relu(x, {one, zero}, y);
  CHECK(std::isnan(y[0]));
  CHECK(y[1] == 1);
}
