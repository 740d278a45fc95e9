// Running statistics estimated again for the network as it is.

#include <algorithm>
#include <cmath>
#include <limits>

#include <catch2/catch.hpp>

#include "framework/core/parallel.h"
#include "framework/data/dataset.h"
#include "framework/nn/attachment.h"
#include "framework/train/trainer.h"
#include "methods/builtin_methods.h"
#include "tests/nn/networks.h"

namespace bitsweep {
namespace {

constexpr int kBatch = 20, kOutputs = 3;

const Dataset& shapes() {
  static const Dataset data = load_dataset(
      {.id = "shapes", .validation = 20, .train_limit = 130, .test_limit = 20}, {});
  return data;
}

/// A linear layer with INQ's weights, all of them frozen, and normalisation behind it.
struct Frozen {
  Preprocessing preprocessing{{}, shapes().training};
  Batches images{shapes().training, preprocessing};
  Network network;
  MethodList methods_in_use;

  explicit Frozen(const char* normalisation = "batch_norm")
      : network(model({linear("fc1", std::to_string(kOutputs)),
                       layer("middle", normalisation), linear("fc2", "classes")}),
                {.image = shapes().training.shape, .batch = kBatch, .seed = 2}) {
    MethodRegistry methods;
    register_builtin_methods(methods);
    MethodSpec spec{.id = "inq", .params = {}};
    methods_in_use = attach_quantizers(network, spec, {.first = "method"}, {}, methods);
    network.build();
    network.calibrate_weights();
    auto& fc1 = *network.weighted_layers().front();
    auto* const staged = optional_interface<HasStages>(fc1.weight_site().quantizer.get());
    staged->begin_stage({.kind = Stage::Kind::kTransform, .portion = 1},
                        fc1.weight().value.span());
  }

  std::vector<float> tensor(const std::string& name) {
    for (const StateTensor& tensor : network.state()) {
      if (tensor.name == name) return {tensor.values.begin(), tensor.values.end()};
    }
    return {};
  }
  std::vector<float> parameters() {
    std::vector<float> all;
    for (const Parameter* p : network.parameters()) {
      all.insert(all.end(), p->value.span().begin(), p->value.span().end());
    }
    return all;
  }
};

struct Moments {
  std::vector<double> mean, variance;
};

// The mean over batches of each batch's mean and unbiased variance, in double.
Moments by_hand(Frozen& frozen, int batches) {
  const auto weight = frozen.tensor("fc1/weight"), bias = frozen.tensor("fc1/bias");
  const std::size_t inputs = weight.size() / kOutputs;
  Moments moments{std::vector<double>(kOutputs), std::vector<double>(kOutputs)};
  std::vector<float> image(inputs);
  for (int batch = 0; batch < batches; ++batch) {
    std::vector<std::vector<double>> y(kOutputs);
    for (int i = 0; i < kBatch; ++i) {
      frozen.images.load(std::size_t(batch * kBatch + i), image);
      for (std::size_t o = 0; o < kOutputs; ++o) {
        double sum = bias[o];
        for (std::size_t k = 0; k < inputs; ++k) {
          sum += double(weight[o * inputs + k]) * double(image[k]);
        }
        y[o].push_back(sum);
      }
    }
    for (std::size_t o = 0; o < kOutputs; ++o) {
      double mean = 0, squares = 0;
      for (const double v : y[o]) mean += v / kBatch;
      for (const double v : y[o]) squares += (v - mean) * (v - mean);
      moments.mean[o] += mean / batches;
      moments.variance[o] += squares / (kBatch - 1) / batches;
    }
  }
  return moments;
}

}  // namespace

TEST_CASE("re-estimated statistics are the mean over batches of the frozen network",
          "[train][normalisation]") {
  // 130 images are six whole batches of 20: no more are looked at.
  for (const auto& [asked, used] : {std::pair{4, 4}, {100, 6}}) {
    Frozen frozen;
    const auto before = frozen.parameters();
    reestimate_normalisation(frozen.network, frozen.images, asked);
    const Moments expected = by_hand(frozen, used);
    const auto mean = frozen.tensor("middle/running_mean");
    const auto variance = frozen.tensor("middle/running_variance");
    REQUIRE(mean.size() == kOutputs);
    for (std::size_t o = 0; o < kOutputs; ++o) {
      // Float sums of 784 products.
      CHECK(mean[o] == Approx(expected.mean[o]).margin(1e-4));
      CHECK(variance[o] == Approx(expected.variance[o]).epsilon(1e-4));
    }
    CHECK(frozen.parameters() == before);
  }
}

TEST_CASE("what the statistics were before does not count", "[train][normalisation]") {
  Frozen plain, lost;
  for (StateTensor& tensor : lost.network.state()) {
    if (tensor.name.starts_with("middle/running")) {
      std::fill(tensor.values.begin(), tensor.values.end(),
                std::numeric_limits<float>::quiet_NaN());
    }
  }
  for (Frozen* frozen : {&plain, &lost}) {
    reestimate_normalisation(frozen->network, frozen->images, 3);
  }
  CHECK(plain.tensor("middle/running_mean") == lost.tensor("middle/running_mean"));
  CHECK(plain.tensor("middle/running_variance") ==
        lost.tensor("middle/running_variance"));
}

TEST_CASE("statistics are estimated to the same bits by any number of threads",
          "[train][normalisation]") {
  std::vector<std::vector<float>> found;
  for (const int count : {1, 3}) {
    set_threads(count);
    Frozen frozen;
    reestimate_normalisation(frozen.network, frozen.images, 6);
    found.push_back(frozen.tensor("middle/running_mean"));
    found.push_back(frozen.tensor("middle/running_variance"));
  }
  set_threads(2);
  CHECK(found[0] == found[2]);
  CHECK(found[1] == found[3]);
}

TEST_CASE("a network without batch normalisation is left alone",
          "[train][normalisation]") {
  Frozen frozen("relu");
  const auto before = frozen.parameters();
  reestimate_normalisation(frozen.network, frozen.images, 6);
  CHECK(frozen.network.images() == 0);  // no pass was made
  CHECK(frozen.parameters() == before);
}

}  // namespace bitsweep
