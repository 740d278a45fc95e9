// The kernels against PyTorch, where there is one: this side writes what went in and came
// out, compare_with_torch.py does the same sums and compares.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "framework/engine/convolution.h"
#include "framework/engine/reference/reference.h"
#include "tests/engine/finite_difference.h"
#include "tests/torch_comparison.h"

using namespace bitsweep;

namespace {

const std::filesystem::path kFolder = testing::file_for_torch("torch_test");
const ImageShape kShape{7, 8, 10};
constexpr int kImages = 2;

void save(const std::string& name, std::span<const float> values) {
  std::ofstream file(kFolder / (name + ".f32"), std::ios::binary);
  file.write(reinterpret_cast<const char*>(values.data()),
             std::streamsize(values.size_bytes()));
}

std::vector<float> input() {
  return normal_values(kImages * kShape.elements(), "torch x");
}

/// `layer(x, y, dy, dx)` runs a layer both ways; all that it saw is saved.
template <class Layer>
void save_layer(const std::string& name, std::size_t outputs, Layer layer) {
  const auto x = input();
  const auto dy = normal_values(outputs, "torch dy");
  std::vector<float> y(outputs), dx(x.size());
  layer(x, y, dy, dx);
  save(name + "_y", y);
  save(name + "_dy", dy);
  save(name + "_dx", dx);
}

using In = std::span<const float>;
using Out = std::span<float>;

void save_max_pool(const std::string& name, const PoolGeometry& g) {
  const std::size_t outputs = kImages * g.output.elements();
  save_layer(name, outputs, [&](In x, Out y, In dy, Out dx) {
    std::vector<std::uint8_t> argmax(outputs);
    kernels::max_pool_forward(g, kImages, x, y, argmax);
    kernels::max_pool_backward(g, kImages, dy, argmax, dx);
  });
}

void save_average_pool(const std::string& name, const PoolGeometry& g) {
  save_layer(name, kImages * g.output.elements(), [&](In x, Out y, In dy, Out dx) {
    kernels::average_pool_forward(g, kImages, x, y);
    kernels::average_pool_backward(g, kImages, dy, dx);
  });
}

// Weights are [filters][height][width][in / groups], and a bias each.
void save_convolution(const std::string& name, Sides kernel, Sides stride, Border pad,
                      int groups) {
  constexpr int kFilters = 15;
  const ConvolutionGeometry g{
      .input = kShape,
      .output = convolution_output(kShape, kFilters, kernel, stride, pad),
      .kernel = kernel,
      .stride = stride,
      .pad = pad,
      .groups = groups};
  const auto w = normal_values(g.weight_elements(), "torch w");
  const auto b = normal_values(kFilters, "torch b");
  for (const EngineKind kind : {EngineKind::kReference, EngineKind::kOneDnn}) {
    const std::string own = name + (kind == EngineKind::kReference ? "_reference" : "");
    const auto convolution = make_convolution(kind, g, kImages, 1, true);
    convolution->pack_weights(w.data(), b.data());
    save_layer(own, kImages * g.output.elements(), [&](In x, Out y, In dy, Out dx) {
      std::vector<float> packed(convolution->weight_gradient_elements()), dw(w.size()),
          db(b.size());
      convolution->forward(0, x.data(), y.data());
      convolution->backward_data(0, dy.data(), dx.data());
      convolution->backward_weights(0, x.data(), dy.data(), packed.data(), db.data());
      convolution->unpack_weight_gradient(packed.data(), dw.data());
      save(own + "_w", w);
      save(own + "_b", b);
      save(own + "_dw", dw);
      save(own + "_db", db);
    });
  }
}

void save_lrn() {
  const ResponseNormalisation lrn{.size = 5, .alpha = 0.3f, .beta = 0.75f, .k = 2};
  std::vector<float> scratch(across_channels_scratch(kShape, lrn));
  save_layer("lrn", kImages * kShape.elements(), [&](In x, Out y, In dy, Out dx) {
    kernels::lrn_across_forward(kShape, kImages, lrn, x, y, scratch);
    kernels::lrn_across_backward(kShape, kImages, lrn, x, dy, dx, scratch);
  });
}

void save_batch_norm() {
  constexpr std::size_t n = 10;
  const std::size_t pixels = kImages * kShape.pixels();
  const auto gamma = normal_values(n, "gamma"), beta = normal_values(n, "beta");
  save("gamma", gamma);
  save("beta", beta);
  save_layer("batch_norm", pixels * n, [&](In x, Out y, In dy, Out dx) {
    std::vector<double> first(n), second(n);
    std::vector<float> mean(n), variance(n), scale(n), shift(n), inverse(n), slope(n),
        constant(n);
    const In around = x.subspan(0, n);
    kernels::batch_statistics(x, around, first, second);
    kernels::batch_moments(pixels, around, first, second, mean, variance);
    kernels::fold_normalisation(gamma, beta, mean, variance, 1e-5f, scale, shift,
                                inverse);
    kernels::normalise_relu(x, {scale, shift}, y);
    const ChannelMoments moments{mean, inverse};
    kernels::normalise_relu_backward_sums(x, dy, {scale, shift}, moments,
                                          {first, second});
    kernels::fold_gradient(pixels, scale, moments, first, second, slope, constant);
    kernels::normalise_relu_backward(x, dy, {scale, slope, constant}, shift, dx);
  });
}

void save_losses() {
  const auto logits = normal_values(60, "torch logits");
  const std::vector<int> labels = {0, 1, 2, 3, 4, 5};
  std::vector<float> gradient(60);
  save("logits", logits);
  kernels::softmax_cross_entropy(logits, labels, 6, gradient);
  save("softmax_d", gradient);
  kernels::squared_hinge(logits, labels, 6, gradient);
  save("hinge_d", gradient);
}

/// `step(t, g, a, b, w)` for three steps, the gradient growing with t.
template <class Step>
void save_optimizer(const std::string& name, Step step) {
  const auto g = normal_values(100, "torch g");
  auto w = normal_values(100, "torch w");
  save("g", g);
  save("w", w);
  std::vector<float> a(100), b(100), grown(100);
  for (int t = 1; t <= 3; ++t) {
    std::transform(g.begin(), g.end(), grown.begin(),
                   [t](float v) { return float(t) * v; });
    step(t, grown, a, b, w);
  }
  save(name, w);
}

void save_optimizers() {
  for (const bool nesterov : {false, true}) {
    const SgdStep sgd{.learning_rate = 0.05f,
                      .momentum = 0.9f,
                      .weight_decay = 0.01f,
                      .nesterov = nesterov};
    save_optimizer(nesterov ? "nesterov" : "sgd", [&](int, In g, Out v, Out, Out w) {
      kernels::sgd_step(sgd, g, v, w);
    });
  }
  save_optimizer("adam", [](int t, In g, Out m, Out v, Out w) {
    kernels::adam_step({.learning_rate = 0.01f, .weight_decay = 0.01f, .step = t}, g, m,
                       v, w);
  });
}

}  // namespace

TEST_CASE("layers, losses and optimizers agree with PyTorch") {
  std::filesystem::create_directories(kFolder);
  save("x", input());
  save_max_pool("max_floor", pool_geometry(kShape, 3, 2, 1, false));
  save_max_pool("max_ceil", pool_geometry(kShape, 2, 2, 0, true));
  save_average_pool("average_floor", pool_geometry(kShape, 3, 2, 1, false));
  save_max_pool("max_sides", pool_geometry(kShape, {3, 2}, {1, 2}, {1, 0, 1, 0}, false));
  save_average_pool("average_sides",
                    pool_geometry(kShape, {1, 4}, {2, 3}, {0, 2, 0, 2}, false));
  save_max_pool("max_same", pool_geometry(kShape, {2, 3}, 2, {0, 0, 1, 1}, false));
  save_convolution("tall", {3, 1}, {2, 1}, {1, 0, 1, 0}, 1);
  save_convolution("wide", {1, 5}, {1, 2}, {0, 2, 0, 2}, 5);
  save_convolution("same", {2, 4}, {1, 3}, {0, 1, 1, 2}, 1);
  save_lrn();
  save_batch_norm();
  save_losses();
  save_optimizers();
  save_average_pool("average_ceil", pool_geometry(kShape, 3, 2, 0, true));

  testing::compare_with_torch("engine/compare_with_torch.py", kFolder);
}
