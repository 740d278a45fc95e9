// Networks that are refused.
#include <limits>
#include <memory>

#include <catch2/catch.hpp>

#include "framework/nn/attachment.h"
#include "framework/nn/network.h"
#include "framework/quant/registry.h"
#include "methods/builtin_methods.h"
#include "tests/nn/networks.h"

namespace bitsweep {

using Catch::Matchers::Contains;

TEST_CASE("a concat refuses what it cannot put side by side", "[nn]") {
  const auto made = [](std::vector<std::vector<LayerSpec>> branches) {
    Network network(model({concat("side", std::move(branches)), linear("fc", "classes")}),
                    {.image = {8, 8, 3}, .classes = 5, .batch = 2});
  };
  CHECK_THROWS_WITH(
      made({{convolution("a", 4, 3)}, {convolution("b", 4, 5)}}),
      Contains("side: branch 2 gives images of 4x4, the first one 6x6; the branches of "
               "a concat must end with one height and width"));
  CHECK_THROWS_WITH(made({{convolution("a", 4, 3)}}),
                    Contains("side: a concat needs two branches or more"));
}

TEST_CASE("a model that does not end in the classes is refused", "[nn]") {
  CHECK_THROWS_WITH(
      Network(model({linear("fc", "7")}), {.image = {1, 1, 3}, .classes = 10}),
      Contains("gives 7 values for 10 classes"));
}

TEST_CASE("an unknown layer is refused with a suggestion", "[nn]") {
  CHECK_THROWS_WITH(Network(model({layer("x", "batchnorm")}), {.image = {1, 1, 3}}),
                    Contains("did you mean 'batch_norm'?"));
}

TEST_CASE("a window larger than its image is refused", "[nn]") {
  CHECK_THROWS_WITH(Network(model({convolution("conv", 4, 9)}), {.image = {6, 6, 1}}),
                    Contains("a 9x9 window does not fit its 6x6 input"));
  const auto network_of = [](const char* kind, RawParams params) {
    params.emplace("kernel", words({"2", "8"}));
    if (kind == std::string("convolution")) params.emplace("filters", word("4"));
    LayerSpec spec = layer("wide", kind, std::move(params));
    spec.place = {"m.yaml", 7};
    Network(model({spec}), {.image = {6, 6, 1}});
  };
  for (const char* kind : {"convolution", "depthwise", "max_pool", "average_pool"}) {
    CHECK_THROWS_WITH(network_of(kind, {}),
                      "m.yaml:7: wide: a 2x8 window does not fit its 6x6 input with "
                      "padding 0");
    CHECK_THROWS_WITH(network_of(kind, {{"pad", words({"1", "0", "0", "1"})}}),
                      Contains("input with padding 1,0,0,1"));
    CHECK_THROWS_WITH(network_of(kind, {{"stride", words({"1", "2", "3"})}}),
                      "m.yaml:7: wide.stride: '[1, 2, 3]' is not a whole number, or two: "
                      "[height, width]");
  }
}

TEST_CASE("values that are no numbers are refused with their site", "[nn][refusal]") {
  const auto network_of = [](const char* scales) {
    MethodRegistry registry;
    register_builtin_methods(registry);
    auto network = std::make_unique<Network>(
        model({convolution("conv", 4, 3), linear("fc", "classes")}),
        NetworkOptions{.image = {6, 6, 1}, .classes = 3, .batch = 10});
    std::vector<ParamProblem> problems;
    const MethodSpec method{.id = "affine",
                            .params = registry.at("affine").resolve(
                                {{"activation_scales", word(scales)}}, problems)};
    attach_quantizers(
        *network, method,
        {.first = "method", .last = "method", .bias = "float", .image = "8"}, {},
        registry);
    network->build();
    network->calibrate_weights();
    return network;
  };
  const FixedBatch images(10, {6, 6, 1}, 3);
  const auto with = [&](int image, float value) {
    BatchSource source = images.source();
    source.load = [load = source.load, image, value](int index, std::span<float> x) {
      load(index, x);
      if (index == image) x[7] = value;
    };
    return source;
  };
  constexpr float kLost = std::numeric_limits<float>::infinity();
  auto network = network_of("calibrated");
  CHECK_THROWS_WITH(network->calibrate_activations(with(3, -kLost), false),
                    "conv/input: value 7 of image 3 of a batch is -inf in calibration; "
                    "expected finite numbers: look at the images, and at the weights of "
                    "the layers before it");
  for (const char* scales : {"calibrated", "image", "batch"}) {
    CAPTURE(scales);
    network = network_of(scales);
    network->calibrate_activations(images.source(), false);
    network->finish_calibration();
    network->prepare_evaluation();
    const auto evaluate = [&](int image, int count) {
      network->evaluate(with(image, std::nanf("")), Loss::kCrossEntropy, count, {});
    };
    CHECK_THROWS_WITH(evaluate(9, 10),
                      Contains("conv/input: value 7 of image 9 of a batch is nan in "
                               "evaluation"));
    CHECK_NOTHROW(evaluate(9, 5));  // it does not count
  }
}

TEST_CASE("weights that do not fit the machine are refused before they are allocated",
          "[nn][limits]") {
  const auto many = std::to_string(1 << 20);
  CHECK_THROWS_WITH(
      Network(model({linear("a", many), linear("b", many), linear("c", "10")}),
              {.image = {28, 28, 1}}),
      Contains("b: ") && Contains("with their gradients; this machine has"));
  CHECK_THROWS_WITH(
      Network(model({convolution("a", 1 << 20, 64)}), {.image = {64, 64, 512}}),
      Contains("this machine has"));
  CHECK_THROWS_WITH(
      Network(model({convolution("a", 1 << 20, 1)}), {.image = {64, 64, 1}}),
      Contains("outputs an image; a layer has at most 1073741824"));
}

}  // namespace bitsweep
