#include "framework/nn/network.h"

#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <numeric>

#include <catch2/catch.hpp>

#include "framework/config/model_file.h"
#include "framework/core/error.h"
#include "framework/nn/attachment.h"
#include "framework/nn/encoded_network.h"
#include "framework/nn/initialisers.h"
#include "framework/nn/memory.h"
#include "framework/quant/penalised.h"
#include "framework/quant/registry.h"
#include "framework/train/optimizer.h"
#include "methods/builtin_methods.h"
#include "tests/nn/networks.h"

namespace bitsweep {
namespace {

using Catch::Matchers::Contains;

std::int64_t parameter_count(const std::string& id, ImageShape image) {
  Network network(load_model(id), {.image = image, .batch = 1});
  std::int64_t count = 0;
  for (const Parameter* p : network.parameters()) count += std::int64_t(p->value.size());
  return count;
}

// Doubles what passes, and the gradient not at all.
class Doubling final : public Quantizer {
 public:
  void forward(std::span<const float> x, std::span<float> y, const Pass&) const override {
    for (std::size_t i = 0; i < x.size(); ++i) y[i] = 2 * x[i];
  }
  Grid grid() const override { return {UniformGrid{}}; }
};

// Lets values pass and gives the pixels of an image the scales 1, 2, 3, ...
class CountingScales final : public Quantizer, public PixelScaled {
 public:
  void forward(std::span<const float> x, std::span<float> y, const Pass&) const override {
    std::copy(x.begin(), x.end(), y.begin());
  }
  Grid grid() const override { return {UniformGrid{}}; }
  void pixel_scales(std::span<const float>, std::span<float> a,
                    const Pass& pass) const override {
    const std::size_t pixels = a.size() / pass.images;
    for (std::size_t i = 0; i < a.size(); ++i) a[i] = float(1 + i % pixels);
  }
};

// Notes that it has met the weights.
class Adopting final : public Quantizer, public AdoptsLatent {
 public:
  void adopt(Parameter& latent) override { latent.learning_rate_multiplier = 3; }
  void forward(std::span<const float>, std::span<float>, const Pass&) const override {}
  Grid grid() const override { return {UniformGrid{}}; }
};

// Says that its values lie on a grid of 15 levels, and quantizes nothing.
class Pretending final : public Quantizer {
 public:
  void forward(std::span<const float> x, std::span<float> y, const Pass&) const override {
    std::copy(x.begin(), x.end(), y.begin());
  }
  Grid grid() const override {
    return {UniformGrid{.low = -7, .high = 7, .scale = {0.1f}}};
  }
};

// Values pass as they are; training pays three for each unit of a value.
class PaidByValue final : public Quantizer, public Penalised {
 public:
  void forward(std::span<const float> x, std::span<float> y, const Pass&) const override {
    std::copy(x.begin(), x.end(), y.begin());
  }
  void backward(std::span<const float>, std::span<const float> dy, std::span<float> dx,
                std::span<double>, const Pass&) const override {
    std::copy(dy.begin(), dy.end(), dx.begin());
  }
  Grid grid() const override { return {UniformGrid{}}; }
  double penalty(std::span<const float> latent) const override {
    return 3 * std::accumulate(latent.begin(), latent.end(), 0.0);
  }
  void add_penalty_gradient(std::span<const float>,
                            std::span<float> gradient) const override {
    for (float& g : gradient) g += 3;
  }
};

BoundSite& site_named(Network& network, const std::string& name) {
  for (BoundSite* bound : network.sites()) {
    if (bound->site.name == name) return *bound;
  }
  throw std::runtime_error("no site " + name);
}

MethodRegistry builtin_registry() {
  MethodRegistry registry;
  register_builtin_methods(registry);
  return registry;
}

std::vector<std::string> quantized_sites(const EdgesSpec& edges,
                                         const std::vector<SiteRule>& rules = {}) {
  const auto registry = builtin_registry();
  Network network(model({linear("a", "4"), linear("b", "4"), linear("c", "classes")}),
                  {.image = {1, 1, 6}, .classes = 3, .batch = 2});
  std::vector<ParamProblem> problems;
  const MethodSpec method{"dynamic_fixed_point",
                          registry.at("dynamic_fixed_point").resolve({}, problems)};
  attach_quantizers(network, method, edges, rules, registry);
  std::vector<std::string> names;
  for (const BoundSite* bound : network.sites()) {
    if (bound->is_quantized()) names.push_back(bound->site.name);
  }
  return names;
}

}  // namespace

TEST_CASE("slices cover each image of a batch once", "[nn]") {
  const int batch = GENERATE(1, 2, 7, 8, 9, 64, 97, 100, 128, 1000);
  int next = 0;
  for (const Slice& slice : slice_batch(batch)) {
    CHECK(slice.begin == next);
    CHECK(slice.images > 0);
    next += slice.images;
  }
  CHECK(next == batch);
}

TEST_CASE("shipped models have the parameters their papers count", "[nn]") {
  CHECK(parameter_count("lenet", {28, 28, 1}) == 431080);
  CHECK(parameter_count("lenet-300-100", {28, 28, 1}) == 266610);
  CHECK(parameter_count("cifar10-full", {32, 32, 3}) == 89578);
  CHECK(parameter_count("resnet-20", {32, 32, 3}) == 269722);
  // Blocks of 9 in + in out weights and 2 (in + out) of normalisation.
  CHECK(parameter_count("mobilenet-cifar", {32, 32, 3}) == 543050);
  // Modules of in s + 10 s e weights and 2 (s + 2 e) of normalisation.
  CHECK(parameter_count("squeezenet-cifar", {32, 32, 3}) == 341962);
}

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

TEST_CASE("a ReLU behind a fork rectifies nothing for the other readers", "[nn]") {
  const auto signedness = [](std::vector<LayerSpec> body) {
    Network network(
        model({convolution("conv1", 4, 3, {{"pad", word("1")}}),
               layer("bn", "batch_norm"), layer("block", "residual", {}, std::move(body)),
               linear("fc", "classes")}),
        {.image = {8, 8, 3}, .classes = 5, .batch = 2});
    for (const auto& l : network.layers()) {
      if (l->name() == "bn") return l->output().is_signed;
    }
    return false;
  };
  CHECK(signedness(
      {layer("relu", "relu"), convolution("conv2", 4, 3, {{"pad", word("1")}})}));
}

TEST_CASE("batch normalisation folds as Jacob et al. fold it", "[nn][fold]") {
  // w = [0.31, -0.05, 0.127], gamma 1.5, beta 0.2, mean 0.3, variance 0.04, epsilon 1e-3.
  Network network(
      model({layer("fc", "linear", {{"outputs", word("1")}, {"bias", word("false")}}),
             layer("bn", "batch_norm", {{"epsilon", word("0.001")}}),
             linear("end", "classes")}),
      {.image = {1, 1, 3}, .classes = 2, .batch = 1});
  network.build();
  const std::map<std::string, std::vector<float>> values{
      {"fc/weight", {0.31f, -0.05f, 0.127f}},
      {"bn/scale", {1.5f}},
      {"bn/shift", {0.2f}},
      {"bn/running_mean", {0.3f}},
      {"bn/running_variance", {0.04f}}};
  for (const StateTensor& tensor : network.state()) {
    const auto own = values.find(tensor.name);
    if (own != values.end()) {
      std::copy(own->second.begin(), own->second.end(), tensor.values.begin());
    }
  }
  network.fold_normalisation();
  std::map<std::string, std::vector<float>> folded;
  for (const StateTensor& tensor : network.state()) {
    folded[tensor.name] = {tensor.values.begin(), tensor.values.end()};
  }
  CHECK(folded["fc/weight"][0] == Approx(2.29647131).epsilon(1e-6));
  CHECK(folded["fc/weight"][1] == Approx(-0.3703986).epsilon(1e-6));
  CHECK(folded["fc/weight"][2] == Approx(0.94081244).epsilon(1e-6));
  CHECK(folded["fc/bias"][0] == Approx(-2.02239159).epsilon(1e-6));
}

TEST_CASE("a folded network is the unfolded one, exact in double", "[nn][fold]") {
  // Weights and shifts in double, from the floats that both networks have.
  const auto spec = model({convolution("conv", 5, 3), layer("bn", "batch_norm"),
                           layer("relu", "relu"), linear("fc", "classes")});
  Network network(spec, {.image = {6, 6, 2}, .classes = 3, .batch = 4});
  network.build();
  const FixedBatch images(4, {6, 6, 2}, 3);
  Optimizer optimizer({.learning_rate = 0.1}, {}, network.parameters());
  for (int step = 0; step < 5; ++step) {
    network.train_step(images.source(), Loss::kCrossEntropy, step);
    optimizer.step(0.1, step);
  }
  const auto state = [&] {
    std::map<std::string, std::vector<double>> all;
    for (const StateTensor& t : network.state()) {
      all[t.name] = {t.values.begin(), t.values.end()};
    }
    return all;
  };
  const auto before = state();
  network.prepare_evaluation();
  network.evaluate(images.source(), Loss::kCrossEntropy, 4, {});
  const std::vector<float> logits(network.logits().begin(), network.logits().end());
  network.fold_normalisation();
  const auto after = state();
  for (std::size_t c = 0; c < 5; ++c) {
    const double factor =
        before.at("bn/scale")[c] / std::sqrt(before.at("bn/running_variance")[c] + 1e-5);
    for (std::size_t i = c * 18; i < (c + 1) * 18; ++i) {
      CHECK(after.at("conv/weight")[i] ==
            double(float(before.at("conv/weight")[i] * factor)));
    }
    CHECK(after.at("conv/bias")[c] ==
          double(float(before.at("bn/shift")[c] +
                       (before.at("conv/bias")[c] - before.at("bn/running_mean")[c]) *
                           factor)));
  }
  network.prepare_evaluation();
  network.evaluate(images.source(), Loss::kCrossEntropy, 4, {});
  for (std::size_t i = 0; i < logits.size(); ++i) {
    CHECK(network.logits()[i] == Approx(logits[i]).margin(1e-5));  // sums of floats
  }
}

TEST_CASE("a folded network trains without normalising", "[nn][fold]") {
  Network network(fire_model(), {.image = {12, 12, 3}, .classes = 5, .batch = 8});
  network.build();
  network.fold_normalisation();
  const FixedBatch images(8, {12, 12, 3}, 5);
  network.train_step(images.source(), Loss::kCrossEntropy, 0);
  const std::vector<float> training(network.logits().begin(), network.logits().end());
  network.prepare_evaluation();
  network.evaluate(images.source(), Loss::kCrossEntropy, 8, {});
  CHECK(training == std::vector<float>(network.logits().begin(), network.logits().end()));
  for (const Parameter* p : network.parameters()) {
    if (p->name.starts_with("bn")) CHECK(p->gradient[0] == 0);
  }
}

TEST_CASE("normalisation that follows no product cannot be folded", "[nn][fold]") {
  Network network(model({layer("bn", "batch_norm"), linear("fc", "classes")}),
                  {.image = {4, 4, 1}, .classes = 2, .batch = 1});
  network.build();
  CHECK_THROWS_WITH(network.fold_normalisation(),
                    Contains("bn: it cannot be folded: no convolution or linear layer"));
}

TEST_CASE("a part of a batch scores as it does within the whole", "[nn]") {
  const int batch = GENERATE(1, 13, 97);
  Network network(residual_model(), {.image = {8, 8, 3}, .classes = 5, .batch = batch});
  network.build();
  const FixedBatch images(batch, {8, 8, 3}, 5);
  const BatchSource source = images.source();
  network.prepare_evaluation();
  std::vector<std::int32_t> all(std::size_t(batch), -1);
  network.evaluate(source, Loss::kCrossEntropy, batch, all);
  double whole_loss = 0;
  for (int images_done = 1; images_done <= batch; images_done += 3) {
    std::vector<std::int32_t> some(std::size_t(images_done), -1);
    const auto part = network.evaluate(source, Loss::kCrossEntropy, images_done, some);
    CHECK(std::equal(some.begin(), some.end(), all.begin()));
    CHECK(part.loss > whole_loss);  // each image adds a positive loss
    whole_loss = part.loss;
  }
}

TEST_CASE("the data gradient uses what the quantizer made of the weights", "[nn]") {
  const auto input_gradient = [](bool doubled) {
    Network network(model({linear("first", "4"), linear("second", "classes")}),
                    {.image = {1, 1, 3}, .classes = 2, .batch = 1});
    if (doubled) {
      network.attach(site_named(network, "second/weight"), std::make_unique<Doubling>());
    } else {
      for (float& w : network.weighted_layers()[1]->weight().value.span()) w *= 2;
    }
    network.build();
    const FixedBatch images(1, {1, 1, 3}, 2);
    network.train_step(images.source(), Loss::kCrossEntropy, 0);
    const auto gradient = network.weighted_layers()[0]->weight().gradient.span();
    return std::vector<float>(gradient.begin(), gradient.end());
  };
  CHECK(input_gradient(true) == input_gradient(false));
}

TEST_CASE("the weight gradient uses what the quantizer made of the input", "[nn]") {
  const auto gradients = [](bool doubled) {
    Network network(model({linear("only", "classes")}),
                    {.image = {1, 1, 3}, .classes = 2, .batch = 1});
    if (doubled) {
      network.attach(site_named(network, "only/input"), std::make_unique<Doubling>());
    }
    network.build();
    for (float& w : network.weighted_layers()[0]->weight().value.span()) w = 0;
    const FixedBatch images(1, {1, 1, 3}, 2);
    network.train_step(images.source(), Loss::kCrossEntropy, 0);
    const auto gradient = network.weighted_layers()[0]->weight().gradient.span();
    return std::vector<float>(gradient.begin(), gradient.end());
  };
  auto expected = gradients(false);
  for (float& g : expected) g *= 2;  // zero weights: equal logits either way
  CHECK(gradients(true) == expected);
}

TEST_CASE("scales at an input's pixels multiply outputs by their windows' means",
          "[nn]") {
  const auto kind = GENERATE(0, 1);
  const LayerSpec only =
      kind == 0 ? convolution("only", 2, 3) : linear("only", "classes");
  const float mean = kind == 0 ? 5 : 1;  // of 1 to 9; a vector is one pixel
  struct Result {
    std::vector<float> logits, gradient;
  };
  const auto run = [&](bool scaled, bool zero_weights) {
    Network network(model({only, layer("flat", "flatten")}),
                    {.image = {3, 3, 2}, .classes = 2, .batch = 3});
    if (scaled) {
      network.attach(site_named(network, "only/input"),
                     std::make_unique<CountingScales>());
    }
    network.build();
    auto& weight = network.weighted_layers()[0]->weight();
    if (zero_weights)
      std::fill(weight.value.span().begin(), weight.value.span().end(), 0);
    const FixedBatch images(3, {3, 3, 2}, 2);
    network.train_step(images.source(), Loss::kCrossEntropy, 0);
    const auto logits = network.logits();
    const auto gradient = weight.gradient.span();
    return Result{{logits.begin(), logits.end()}, {gradient.begin(), gradient.end()}};
  };
  const auto plain = run(false, false), scaled = run(true, false);
  for (std::size_t i = 0; i < plain.logits.size(); ++i) {
    CHECK(scaled.logits[i] == Approx(mean * plain.logits[i]).epsilon(1e-5));
  }
  // Zero weights give equal logits either way.
  const auto plain_zero = run(false, true), scaled_zero = run(true, true);
  for (std::size_t i = 0; i < plain_zero.gradient.size(); ++i) {
    CHECK(scaled_zero.gradient[i] == Approx(mean * plain_zero.gradient[i]).margin(1e-6));
  }
}

TEST_CASE("a quantizer's penalty is a part of its weights' gradient", "[nn]") {
  const auto gradients = [](bool paid) {
    Network network(model({linear("only", "classes")}),
                    {.image = {1, 1, 3}, .classes = 2, .batch = 2});
    for (const char* site : {"only/weight", "only/bias"}) {
      if (paid)
        network.attach(site_named(network, site), std::make_unique<PaidByValue>());
    }
    network.build();
    const FixedBatch images(2, {1, 1, 3}, 2);
    network.train_step(images.source(), Loss::kCrossEntropy, 0);
    std::vector<float> all;
    for (const Parameter* p : network.parameters()) {
      all.insert(all.end(), p->gradient.span().begin(), p->gradient.span().end());
    }
    return all;
  };
  auto expected = gradients(false);
  for (float& g : expected) g += 3;
  CHECK(gradients(true) == expected);
}

TEST_CASE("a weight quantizer meets its weights when it is attached", "[nn]") {
  Network network(model({linear("only", "classes")}),
                  {.image = {1, 1, 3}, .classes = 2, .batch = 1});
  network.attach(site_named(network, "only/weight"), std::make_unique<Adopting>());
  CHECK(network.weighted_layers()[0]->weight().learning_rate_multiplier == 3);
}

TEST_CASE("edges decide who quantizes the ends", "[nn]") {
  const std::vector<std::string> inner{"b/weight", "b/input", "b/output"};
  CHECK(quantized_sites({}) == inner);
  CHECK(quantized_sites({.first = "method"}) ==
        std::vector<std::string>{"a/weight", "a/output", "b/weight", "b/input",
                                 "b/output"});
  CHECK(quantized_sites({.last = "8"}) == std::vector<std::string>{"b/weight", "b/input",
                                                                   "b/output", "c/weight",
                                                                   "c/input"});
  CHECK(
      quantized_sites({.first = "8", .image = "8"}) ==
      std::vector<std::string>{"a/weight", "a/input", "b/weight", "b/input", "b/output"});
}

TEST_CASE("a bias has a key of its own", "[nn]") {
  const auto sites = quantized_sites({.bias = "8"});
  CHECK(std::count(sites.begin(), sites.end(), "a/bias") == 1);
  CHECK(std::count(sites.begin(), sites.end(), "c/bias") == 1);
}

TEST_CASE("the first rule that matches a site wins, before edges", "[nn]") {
  const auto registry = builtin_registry();
  std::vector<ParamProblem> problems;
  const MethodSpec off{"float", {}};
  const MethodSpec twn{"twn", registry.at("twn").resolve({}, problems)};
  CHECK(quantized_sites({}, {{"b/*", off}, {"*/weight", twn}}) ==
        std::vector<std::string>{"a/weight", "c/weight"});
}

TEST_CASE("a rule that matches no site is refused with the sites there are", "[nn]") {
  CHECK_THROWS_WITH(quantized_sites({}, {{"conv9/*", {"float", {}}}}),
                    Contains("'conv9/*' matches no site") && Contains("a/weight"));
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

TEST_CASE("windows have sides of their own", "[nn]") {
  Network network(
      model({layer("conv", "convolution",
                   {{"filters", word("4")},
                    {"kernel", words({"3", "1"})},
                    {"stride", words({"2", "1"})},
                    {"pad", words({"1", "0"})}}),
             layer("each", "depthwise",
                   {{"kernel", words({"1", "5"})}, {"pad", word("same")}}),
             layer("pool", "max_pool",
                   {{"kernel", words({"1", "2"})}, {"stride", words({"1", "2"})}}),
             linear("fc", "classes")}),
      {.image = {7, 6, 2}, .classes = 3});
  CHECK(network.layers()[0]->output().shape == ImageShape{4, 6, 4});
  CHECK(network.layers()[1]->output().shape == ImageShape{4, 6, 4});
  CHECK(network.layers()[2]->output().shape == ImageShape{4, 3, 4});
  CHECK(network.sites()[0]->site.shape == std::vector<int>{4, 3, 1, 2});
  CHECK(network.sites()[0]->site.fan_in == 6);
  CHECK(network.layers()[0]->multiplications() == 4 * 6 * 4 * 6);
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

TEST_CASE("the memory of training is estimated from shapes", "[nn][limits]") {
  // 3 inputs, 4 outputs, 12 weights; a ReLU in the same pass; then 4 to 2.
  Network network(model({linear("a", "4"), layer("r", "relu"), linear("b", "classes")}),
                  {.image = {1, 1, 3}, .classes = 2});
  const auto estimate = estimate_memory(network, 5, "adam");
  CHECK(estimate.weights == 4 * 2 * (12 + 8));
  CHECK(estimate.optimizer == 4 * 2 * (12 + 8));
  CHECK(estimate.kept == 4 * 3 * (12 + 8));
  CHECK(estimate.activations >= 4 * 2 * 5 * (4 + 2));
  CHECK(estimate.activations <= 4 * 2 * 5 * (4 + 4 + 2));
}

TEST_CASE("initialisers keep to their bounds and variances", "[nn]") {
  std::vector<float> weights(20000);
  const auto variance = [&](const std::string& name) {
    initialise(name, 0.1, 50, 30, RandomStream(3, name), weights);
    double sum = 0;
    for (const float w : weights) sum += double(w) * w;
    return sum / double(weights.size());
  };
  // Sample variances of 20 000 values: within 3 % of theirs.
  CHECK(variance("xavier") == Approx(1.0 / 50).epsilon(0.03));
  CHECK(variance("glorot") == Approx(2.0 / 80).epsilon(0.03));
  CHECK(variance("he") == Approx(2.0 / 50).epsilon(0.03));
  CHECK(variance("gaussian") == Approx(0.01).epsilon(0.03));
  CHECK(variance("uniform") == Approx(0.01 / 3).epsilon(0.03));
  CHECK(*std::max_element(weights.begin(), weights.end()) <= 0.1f);
}

TEST_CASE("floats that pass for quantized are caught at every site", "[nn]") {
  for (const char* name : {"fc/weight", "fc/input", "fc/output", "fc/bias"}) {
    CAPTURE(name);
    Network network(model({linear("fc", "classes")}),
                    {.image = {2, 2, 1}, .classes = 3, .batch = 4});
    const FixedBatch batch(4, {2, 2, 1}, 3);
    network.attach(site_named(network, name), std::make_unique<Pretending>());
    network.build();
    if (std::string(name) == "fc/bias") network.parameters()[1]->value[0] = 0.123f;
    network.prepare_evaluation();
    network.evaluate(batch.source(), Loss::kCrossEntropy, 3, {});
    CHECK_THROWS_WITH(check_law(network),
                      Contains(name) && Contains("are not 4-bit values"));
  }
}

}  // namespace bitsweep
