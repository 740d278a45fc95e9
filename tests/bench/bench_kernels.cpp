// How fast the kernels run beside their plain twins, on one thread and on slices that
// stay in the second-level cache: nanoseconds an element and GB/s of what a call reads
// and writes.
//   bench_kernels [part of a name]

#include <algorithm>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "framework/core/parallel.h"
#include "framework/engine/reference/reference.h"

namespace {

using namespace bitsweep;

std::vector<float> values(std::size_t n, const char* purpose) {
  const RandomStream random(1, purpose);
  std::vector<float> x(n);
  for (std::size_t i = 0; i < n; ++i) x[i] = float(random.normal_at(std::uint32_t(i)));
  return x;
}

/// Seconds of one call: the best of several rounds, each of about 10 ms.
double seconds(const std::function<void()>& call) {
  using Clock = std::chrono::steady_clock;
  const auto time = [&](int calls) {
    const auto start = Clock::now();
    for (int i = 0; i < calls; ++i) call();
    return std::chrono::duration<double>(Clock::now() - start).count() / calls;
  };
  const int calls = 1 + int(0.01 / std::max(time(1), 1e-7));
  double best = time(calls);
  for (int round = 0; round < 4; ++round) best = std::min(best, time(calls));
  return best;
}

struct Bench {
  std::string filter;

  /// `floats`: read and written for each of `elements`.
  void operator()(const std::string& name, std::size_t elements, double floats,
                  const std::function<void()>& kernel,
                  const std::function<void()>& twin) {
    if (name.find(filter) == std::string::npos) return;
    const double fast = seconds(kernel), plain = seconds(twin);
    fmt::print("{:<34} {:>8.3f} ns {:>7.1f} GB/s   twin {:>8.3f} ns   x{:.1f}\n", name,
               fast / double(elements) * 1e9, 4e-9 * floats * double(elements) / fast,
               plain / double(elements) * 1e9, plain / fast);
  }
};

// `f(kernels)` and `f(reference)` are the same call in two namespaces.
#define BOTH(call) [&] { kernels::call; }, [&] { reference::call; }

void bench_pooling(Bench& bench, ImageShape shape, int kernel, int images) {
  const PoolGeometry g = pool_geometry(shape, kernel, 2, 0, true);
  const std::size_t in = shape.elements() * std::size_t(images);
  const std::size_t out = g.output.elements() * std::size_t(images);
  const auto x = values(in, "x"), dy = values(out, "dy");
  std::vector<float> y(out), dx(in);
  std::vector<std::uint8_t> argmax(out);
  const double ratio = double(out) / double(in);
  const auto name = [&](const char* what) {
    return fmt::format("{} {}x{}/2 {}x{}x{}", what, kernel, kernel, shape.height,
                       shape.width, shape.channels);
  };
  bench(name("max"), in, 1 + 1.25 * ratio,
        BOTH(max_pool_forward(g, images, x, y, argmax)));
  bench(name("max backward"), in, 1 + 1.25 * ratio,
        BOTH(max_pool_backward(g, images, dy, argmax, dx)));
  bench(name("average"), in, 1 + ratio, BOTH(average_pool_forward(g, images, x, y)));
  bench(name("average backward"), in, 1 + ratio,
        BOTH(average_pool_backward(g, images, dy, dx)));
}

void bench_normalisation(Bench& bench, std::size_t pixels, std::size_t channels) {
  const std::size_t n = pixels * channels;
  const auto x = values(n, "x"), dy = values(n, "dy"), more = values(n, "addend");
  const auto scale = values(channels, "scale"), shift = values(channels, "shift");
  const auto mean = values(channels, "mean"), inverse = values(channels, "inverse");
  std::vector<float> y(n), masked = dy, dx(n);
  std::vector<double> sum(channels), second(channels);
  const ChannelAffine affine{scale, shift};
  const ChannelMoments moments{mean, inverse};
  const ChannelSums sums{sum, second};
  const ChannelGradient gradient{scale, shift, mean};
  const auto name = [&](const char* what) {
    return fmt::format("bn {} {}x{}", what, pixels, channels);
  };
  bench(name("statistics"), n, 1, BOTH(batch_statistics(x, mean, sum, second)));
  bench(name("normalise"), n, 2, BOTH(normalise(x, affine, y)));
  bench(name("relu"), n, 2, BOTH(normalise_relu(x, affine, y)));
  bench(name("add relu"), n, 3, BOTH(normalise_add_relu(x, affine, more, y)));
  bench(name("sums"), n, 2, BOTH(normalise_backward_sums(x, dy, moments, sums)));
  bench(name("relu sums"), n, 2,
        BOTH(normalise_relu_backward_sums(x, dy, affine, moments, sums)));
  bench(name("add relu sums"), n, 4,
        BOTH(normalise_add_relu_backward_sums(x, y, masked, moments, sums)));
  bench(name("backward"), n, 3, BOTH(normalise_backward(x, dy, gradient, dx)));
  bench(name("relu backward"), n, 3,
        BOTH(normalise_relu_backward(x, dy, gradient, shift, dx)));
}

void bench_lrn(Bench& bench, ImageShape shape, int images) {
  const std::size_t n = shape.elements() * std::size_t(images);
  const auto x = values(n, "x"), dy = values(n, "dy");
  std::vector<float> y(n), dx(n);
  const ResponseNormalisation near{.size = 3, .alpha = 5e-5f}, wide{.size = 5};
  std::vector<float> scratch(std::max(within_channel_scratch(shape, near),
                                      across_channels_scratch(shape, wide)));
  const auto name = [&](const char* what) {
    return fmt::format("lrn {} {}x{}x{}", what, shape.height, shape.width,
                       shape.channels);
  };
  bench(name("within"), n, 2,
        BOTH(lrn_within_forward(shape, images, near, x, y, scratch)));
  bench(name("within backward"), n, 3,
        BOTH(lrn_within_backward(shape, images, near, x, dy, dx, scratch)));
  bench(name("across"), n, 2,
        BOTH(lrn_across_forward(shape, images, wide, x, y, scratch)));
  bench(name("across backward"), n, 3,
        BOTH(lrn_across_backward(shape, images, wide, x, dy, dx, scratch)));
}

void bench_elementwise(Bench& bench, std::size_t n) {
  const auto x = values(n, "x"), dy = values(n, "dy");
  std::vector<float> y(n), dx(n);
  const RandomStream random(1, "bench");
  const UniformQuantization q{.scale = 0.03f, .zero_point = 2, .low = -128, .high = 127};
  bench("relu", n, 2, BOTH(relu_forward(x, y)));
  bench("relu backward", n, 3, BOTH(relu_backward(x, dy, dx)));
  bench("hard_tanh", n, 2, BOTH(hard_tanh_forward(x, y)));
  bench("dropout", n, 2, BOTH(dropout(x, 0.5f, random, 3, y)));
  for (const auto& rounding : rounding_names()) {
    const Rounding rule = rounding_named(rounding);
    if (rule == Rounding::kStochastic) continue;
    bench("fake_quantize " + rounding, n, 2, BOTH(fake_quantize(x, q, rule, y)));
  }
  bench("fake_quantize stochastic", n, 2,
        BOTH(fake_quantize_stochastic(x, q, random, 3, y)));
  for (const auto& name : straight_through_names()) {
    const StraightThrough rule = straight_through_named(name);
    bench("straight_through " + name, n, 3,
          BOTH(straight_through(rule, x, dy, -1, 1, dx)));
  }
}

void bench_updates(Bench& bench, std::size_t n) {
  const auto g = values(n, "g");
  std::vector<float> w = values(n, "w"), v(n), m(n);
  const SgdStep sgd{.learning_rate = 0.01f, .momentum = 0.9f, .weight_decay = 5e-4f};
  const AdamStep adam{.learning_rate = 1e-3f};
  bench("sgd_step_caffe", n, 5, BOTH(sgd_step_caffe(sgd, g, v, w)));
  bench("sgd_step", n, 5, BOTH(sgd_step(sgd, g, v, w)));
  std::fill(v.begin(), v.end(), 0.0f);
  bench("adam_step", n, 7, BOTH(adam_step(adam, g, m, v, w)));
}

void bench_reductions(Bench& bench, std::size_t n) {
  const auto x = values(n, "x");
  volatile double sink = 0;
  bench(
      "sum", n, 1, [&] { sink = kernels::sum(x); }, [&] { sink = reference::sum(x); });
  bench(
      "sum_abs", n, 1, [&] { sink = kernels::sum_abs(x); },
      [&] { sink = reference::sum_abs(x); });
  bench(
      "sum_squares", n, 1, [&] { sink = kernels::sum_squares(x); },
      [&] { sink = reference::sum_squares(x); });
  bench(
      "max_abs", n, 1, [&] { sink = kernels::max_abs(x); },
      [&] { sink = reference::max_abs(x); });
  bench(
      "min_max", n, 1, [&] { sink = kernels::min_max(x).max; },
      [&] { sink = reference::min_max(x).max; });
  bench(
      "beyond", n, 1, [&] { sink = kernels::beyond(x, 0.7f).sum_abs; },
      [&] { sink = reference::beyond(x, 0.7f).sum_abs; });
}

void bench_losses(Bench& bench, std::size_t images, std::size_t classes) {
  const auto logits = values(images * classes, "logits");
  std::vector<int> labels(images);
  for (std::size_t i = 0; i < images; ++i) labels[i] = int(i % classes);
  std::vector<float> dlogits(logits.size());
  bench("softmax_cross_entropy", logits.size(), 2,
        BOTH(softmax_cross_entropy(logits, labels, 64, dlogits)));
  bench("squared_hinge", logits.size(), 2,
        BOTH(squared_hinge(logits, labels, 64, dlogits)));
}

}  // namespace

int main(int argc, char** argv) {
  set_threads(1);
  Bench bench{argc > 1 ? argv[1] : ""};
  fmt::print("one thread, baseline {}; per element of the input\n", BITSWEEP_ARCH);
  for (const int channels : {10, 16, 20, 32, 50, 64}) {
    bench_pooling(bench, {24, 24, channels}, 2, 4);
    bench_pooling(bench, {24, 24, channels}, 3, 4);
  }
  for (const std::size_t channels : {10, 32, 50, 64, 500}) {
    bench_normalisation(bench, 65536 / channels, channels);
  }
  bench_lrn(bench, {16, 16, 32}, 4);
  bench_lrn(bench, {8, 8, 32}, 8);
  bench_lrn(bench, {13, 13, 96}, 4);
  bench_elementwise(bench, 65536);
  bench_updates(bench, 65536);
  bench_reductions(bench, 65536);
  bench_losses(bench, 8, 10);
}
