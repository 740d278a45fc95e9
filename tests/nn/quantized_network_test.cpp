// What a network does with the quantizers it is given.
#include <memory>
#include <numeric>

#include <catch2/catch.hpp>

#include "framework/nn/encoded_network.h"
#include "framework/nn/network.h"
#include "framework/quant/penalised.h"
#include "tests/nn/networks.h"

namespace bitsweep {
namespace {

using Catch::Matchers::Contains;

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

// Keeps what it is shown.
class Seeing final : public Quantizer, public SeesInputs {
 public:
  void see_inputs(std::span<const float> rows) override {
    CHECK(calibrations == 0);
    seen.insert(seen.end(), rows.begin(), rows.end());
  }
  void calibrate(std::span<const float>) override { ++calibrations; }
  void forward(std::span<const float>, std::span<float>, const Pass&) const override {}
  Grid grid() const override { return {UniformGrid{}}; }

  std::vector<float> seen;
  int calibrations = 0;
};

BoundSite& site_named(Network& network, const std::string& name) {
  for (BoundSite* bound : network.sites()) {
    if (bound->site.name == name) return *bound;
  }
  throw std::runtime_error("no site " + name);
}

void calibrate_on(Network& network, const FixedBatch& images) {
  network.calibrate_activations(images.source(), /*batch_statistics=*/false);
  network.calibrate_weights();
  network.finish_calibration();
}

}  // namespace

TEST_CASE("the data gradient uses what the quantizer made of the weights", "[nn]") {
  const auto input_gradient = [](bool doubled) {
    Network network(model({linear("first", "4"), linear("second", "classes")}),
                    {.image = {1, 1, 3}, .classes = 2, .batch = 1});
    if (doubled) {
      network.attach(site_named(network, "second/weight"), std::make_unique<Doubling>());
    } else {
      network.draw_weights();
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

TEST_CASE("a weight quantizer meets its weights when they are drawn", "[nn]") {
  Network network(model({linear("only", "classes")}),
                  {.image = {1, 1, 3}, .classes = 2, .batch = 1});
  network.attach(site_named(network, "only/weight"), std::make_unique<Adopting>());
  CHECK(network.weighted_layers()[0]->weight().value.empty());
  network.build();
  CHECK(network.weighted_layers()[0]->weight().learning_rate_multiplier == 3);
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

// Each row it was shown gives, with the filters of one group, an output of its image.
void check_what_filters_met(const LayerSpec& spec, ImageShape image, std::size_t rows,
                            std::size_t groups) {
  INFO(spec.name << " of " << groups << " groups");
  constexpr std::size_t kImages = 3;
  Network network(model({spec, linear("end", "classes")}),
                  {.image = image, .classes = 2, .batch = kImages});
  WeightedLayer& layer = *network.weighted_layers().front();
  auto owned = std::make_unique<Seeing>();
  const Seeing& quantizer = *owned;
  network.attach(layer.weight_site(), std::move(owned));
  network.build();
  const FixedBatch images(kImages, image, 2);
  calibrate_on(network, images);
  CHECK(quantizer.calibrations == 1);

  const std::size_t outputs = std::size_t(layer.output().shape.channels);
  const std::size_t inner = layer.weight().size() / outputs, of_group = outputs / groups;
  REQUIRE(quantizer.seen.size() == kImages * rows * inner);
  const std::size_t pixels = layer.output().shape.pixels();
  for (std::size_t row = 0; row < kImages * rows; ++row) {
    const std::size_t group = row % groups * of_group;
    const auto is_output = [&](std::size_t pixel) {
      const float* const y =
          layer.output().value.data() + ((row / rows) * pixels + pixel) * outputs + group;
      for (std::size_t f = 0; f < of_group; ++f) {
        const float* const w = layer.weight().value.data() + (group + f) * inner;
        const double product =
            std::inner_product(w, w + inner, &quantizer.seen[row * inner], 0.0);
        if (std::abs(product - double(y[f])) > 1e-5) return false;  // sums of 18 floats
      }
      return true;
    };
    bool is_found = false;
    for (std::size_t pixel = 0; pixel < pixels; ++pixel) is_found |= is_output(pixel);
    CHECK(is_found);
  }
}

TEST_CASE("quantizers of weights see what filters meet", "[nn]") {
  const auto padded = [](const char* stride, const char* groups) {
    return convolution(
        "conv", 4, 3,
        {{"pad", word("1")}, {"stride", word(stride)}, {"groups", word(groups)}});
  };
  check_what_filters_met(padded("1", "1"), {4, 5, 2}, 20, 1);
  check_what_filters_met(padded("2", "1"), {9, 8, 2}, 20, 1);
  check_what_filters_met(padded("1", "2"), {8, 8, 2}, 32, 2);  // 32 of 64 pixels
  check_what_filters_met(linear("first", "4"), {1, 1, 6}, 1, 1);
}

}  // namespace bitsweep
