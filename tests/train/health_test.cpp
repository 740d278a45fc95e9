#include "framework/train/health.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <optional>

#include <catch2/catch.hpp>

#include "framework/data/dataset.h"
#include "framework/nn/attachment.h"
#include "framework/quant/transforms_values.h"
#include "framework/results/record.h"
#include "methods/builtin_methods.h"
#include "tests/nn/networks.h"
#include "tests/results/scratch_folder.h"

namespace bitsweep {
namespace {

using Catch::Matchers::Contains;
using Catch::Matchers::Equals;
using Catch::Matchers::StartsWith;
using Catch::Matchers::WithinAbs;

/// Quantizes to a grid that it is given, with a learned parameter that it does not use.
class OnGrid : public Quantizer {
 public:
  explicit OnGrid(Grid grid, Parameter* learned = nullptr)
      : grid_(std::move(grid)), learned_(learned) {}

  void forward(std::span<const float> x, std::span<float> y, const Pass&) const override {
    std::vector<std::int32_t> codes(x.size());
    encode(x, codes);
    grid_.decode(codes, y);
  }
  Grid grid() const override { return grid_; }
  std::vector<Parameter*> trainable() override {
    if (learned_ != nullptr) return {learned_};
    return {};
  }

 private:
  Grid grid_;
  Parameter* learned_;
};

/// As BinaryConnect's stochastic weights: signs in training, float outside it.
class FloatOutside final : public OnGrid, public EvaluatesFloat {
 public:
  using OnGrid::OnGrid;
};

/// Rounds twice the value.
class Doubled final : public OnGrid, public TransformsValues {
 public:
  using OnGrid::OnGrid;
  void encode(std::span<const float> x, std::span<std::int32_t> codes) const override {
    std::vector<float> u(x.size());
    transformed(x, u);
    OnGrid::encode(u, codes);
  }
  void transformed(std::span<const float> x, std::span<float> u) const override {
    std::transform(x.begin(), x.end(), u.begin(), [](float v) { return 2 * v; });
  }
};

// Codes -3 to 3 in steps of a half: values beyond 1.75 are clipped.
Grid halves() { return UniformGrid{.low = -3, .high = 3, .scale = {0.5f}}; }

/// One linear layer from `inputs` to two classes, batches of two images.
struct Tiny {
  Network network;
  Curves curves;
  std::vector<std::string> warnings;
  std::optional<QuantizerHealth> health;

  explicit Tiny(int inputs = 4)
      : network(model({linear("fc", "classes")}),
                {.image = {1, 1, inputs}, .classes = 2, .batch = 2}) {}

  WeightedLayer& fc() { return *network.weighted_layers().front(); }
  BoundSite& site(Role role) {
    for (BoundSite* bound : network.sites()) {
      if (bound->site.role == role) return *bound;
    }
    throw std::out_of_range("no site of that role");
  }

  void attach(Role role, std::unique_ptr<Quantizer> quantizer) {
    network.attach(site(role), std::move(quantizer));
  }
  void build() {
    network.build();
    health.emplace(network,
                   [this](const std::string& text) { warnings.push_back(text); });
  }
  void set_weights(const std::vector<float>& values) {
    std::copy(values.begin(), values.end(), fc().weight().value.data());
  }
  /// A training step over two images of these values.
  void step(const std::vector<float>& images) {
    network.train_step({.load =
                            [&](int index, std::span<float> image) {
                              const auto from =
                                  images.begin() + std::ptrdiff_t(image.size()) * index;
                              std::copy_n(from, image.size(), image.begin());
                            },
                        .label = [](int) { return 0; }},
                       Loss::kCrossEntropy, 0);
  }
  void observe() { health->observe(curves); }
  double last(const std::string& curve) const { return curves.at(curve).back(); }
};

}  // namespace

TEST_CASE("clipped share, unused levels and SQNR of weights are those worked out by hand",
          "[health]") {
  Tiny tiny;
  tiny.attach(Role::kWeight, std::make_unique<OnGrid>(halves()));
  tiny.build();
  // On the grid 0.5, 1, -0.5, 0.5, 1.5, 1.5, -1.5, 0: all levels but -1. The 1.7 lies
  // beyond the end, but no further than rounding moves a value; 2 and -2 are clipped.
  tiny.set_weights({0.5f, 1, -0.5f, 0.6f, 1.7f, 2, -2, 0.1f});
  tiny.health->begin();
  tiny.observe();
  CHECK(tiny.last("health/fc/weight/clipped") == 2.0 / 8);
  CHECK(tiny.last("health/fc/weight/unused_levels") == 1);
  CHECK(tiny.last("health/fc/weight/levels") == 7);
  // Squares .25 + 1 + .25 + .36 + 2.89 + 4 + 4 + .01; errors .01 + .04 + .25 + .25 + .01.
  CHECK_THAT(tiny.last("health/fc/weight/sqnr_db"),
             WithinAbs(10 * std::log10(12.76 / 0.56), 1e-5));  // of float weights
  CHECK(tiny.warnings.empty());
}

TEST_CASE("a grid without a step fails the run, by site and method", "[health]") {
  class Stepless final : public OnGrid {
   public:
    using OnGrid::OnGrid;
    Grid grid() const override { return UniformGrid{.low = -1, .high = 1, .scale = {0}}; }
  };
  Tiny tiny;
  tiny.site(Role::kWeight).method = "mine";
  tiny.attach(Role::kWeight, std::make_unique<Stepless>(halves()));
  tiny.build();
  CHECK_THROWS_WITH(tiny.observe(),
                    StartsWith("fc/weight: method 'mine': its grid has a scale of 0"));
}

TEST_CASE("codes that the grid has not fail the run", "[health]") {
  class Foreign final : public OnGrid {
   public:
    using OnGrid::OnGrid;
    void encode(std::span<const float>, std::span<std::int32_t> codes) const override {
      std::fill(codes.begin(), codes.end(), 9);
    }
  };
  Tiny tiny;
  tiny.attach(Role::kWeight, std::make_unique<Foreign>(halves()));
  tiny.build();
  CHECK_THROWS_WITH(tiny.observe(),
                    Contains("its codes run from 9 to 9; its grid has -3 to 3"));
}

TEST_CASE("values on the grid lose nothing: an infinite SQNR", "[health]") {
  Tiny tiny;
  tiny.attach(Role::kWeight, std::make_unique<OnGrid>(halves()));
  tiny.build();
  tiny.set_weights({0.5f, 1, -0.5f, 0, 1.5f, -1, -1.5f, 0});
  tiny.observe();
  CHECK(tiny.last("health/fc/weight/sqnr_db") == std::numeric_limits<double>::infinity());
  CHECK(tiny.last("health/fc/weight/unused_levels") == 0);
}

TEST_CASE("a quantizer is measured where it quantizes", "[health]") {
  Tiny tiny;
  tiny.attach(Role::kWeight, std::make_unique<Doubled>(halves()));
  tiny.build();
  // Doubled they are 0.6, 1, -0.4, 0.5, 1.5, 1.7, -1.5, 2: 2 is clipped; errors 0.1, -0.1
  // (to -0.5), 0.2 and 0.5. sum u^2 = 0.36 + 1 + 0.16 + 0.25 + 2.25 + 2.89 + 2.25 + 4.
  tiny.set_weights({0.3f, 0.5f, -0.2f, 0.25f, 0.75f, 0.85f, -0.75f, 1});
  tiny.observe();
  CHECK(tiny.last("health/fc/weight/clipped") == 1.0 / 8);
  CHECK_THAT(tiny.last("health/fc/weight/sqnr_db"),
             WithinAbs(10 * std::log10(13.16 / 0.31), 1e-5));  // floats of one digit
}

TEST_CASE("APoT's and DoReFa's weights have the SQNR of their levels", "[health]") {
  // Normal weights on 4-bit levels lose a hundredth or so, whatever they are divided by.
  for (const char* id : {"apot", "dorefa"}) {
    Tiny tiny(1000);
    MethodRegistry methods;
    register_builtin_methods(methods);
    const auto method = methods.at(id).make({{"weight_bits", word("4")}});
    tiny.attach(Role::kWeight, method->quantizer(tiny.site(Role::kWeight).site));
    tiny.build();
    std::vector<float> weights(2000);
    const RandomStream random(3, "weights");
    for (std::size_t i = 0; i < weights.size(); ++i) {
      weights[i] = 0.03f * float(random.normal_at(std::uint32_t(i)));
    }
    tiny.set_weights(weights);
    tiny.observe();
    CAPTURE(id);
    CHECK(tiny.last("health/fc/weight/sqnr_db") > 14);
    CHECK(tiny.last("health/fc/weight/sqnr_db") < 30);
  }
}

TEST_CASE("each channel is clipped by its own scale", "[health]") {
  Tiny tiny;
  tiny.attach(Role::kWeight,
              std::make_unique<OnGrid>(
                  Grid(LevelGrid{.levels = {-1, 0, 1}, .scale = {1, 2}}, {2, 4})));
  tiny.build();
  // Beyond 1.5 in the first channel, beyond 3 in the second.
  tiny.set_weights({1.4f, 1.6f, -0.2f, 0, 1.6f, 2.9f, -3.1f, 0});
  tiny.observe();
  CHECK(tiny.last("health/fc/weight/clipped") == 2.0 / 8);
}

TEST_CASE("inputs and outputs are seen as they were before their quantizers",
          "[health]") {
  Tiny tiny(1);
  tiny.attach(Role::kInput, std::make_unique<OnGrid>(halves()));
  tiny.attach(Role::kOutput, std::make_unique<OnGrid>(halves()));
  tiny.build();
  tiny.set_weights({1, 2});
  tiny.step({1.2f, 2.5f});  // become 1 and 1.5; outputs 1, 2 and 1.5, 3
  tiny.observe();
  CHECK(tiny.last("health/fc/input/clipped") == 1.0 / 2);
  CHECK_THAT(tiny.last("health/fc/input/sqnr_db"),
             WithinAbs(10 * std::log10((1.44 + 6.25) / (0.04 + 1)), 1e-5));
  CHECK(tiny.last("health/fc/output/clipped") == 2.0 / 4);
  CHECK_THAT(tiny.last("health/fc/output/sqnr_db"),
             WithinAbs(10 * std::log10((1 + 4 + 2.25 + 9) / (0.25 + 2.25)), 1e-5));
}

TEST_CASE("of large activations the first images speak for the batch", "[health]") {
  constexpr int kInputs = 60000;  // one image to 65536 values
  Tiny tiny(kInputs);
  tiny.attach(Role::kInput, std::make_unique<OnGrid>(halves()));
  tiny.build();
  std::vector<float> images(2 * kInputs, 9.0f);  // the second image is all clipped
  std::fill_n(images.begin(), kInputs, 1.0f);
  tiny.step(images);
  tiny.observe();
  CHECK(tiny.last("health/fc/input/clipped") == 0);
}

TEST_CASE("a bias is measured, and one that is all zero is none to warn of", "[health]") {
  Tiny tiny;
  tiny.attach(Role::kBias, std::make_unique<OnGrid>(halves()));
  tiny.build();
  tiny.observe();
  CHECK(tiny.last("health/fc/bias/unused_levels") == 6);
  CHECK(tiny.warnings.empty());
}

TEST_CASE("sign flips are counted from one epoch to the next", "[health]") {
  Tiny tiny;
  tiny.attach(Role::kWeight, std::make_unique<OnGrid>(halves()));
  tiny.build();
  tiny.set_weights({1, 1, 1, 1, -1, -1, -1, -1});
  tiny.health->begin();
  tiny.set_weights({1, 1, -1, 0.1f, -1, -1, -1, -0.4f});  // a flip, and one to zero
  tiny.observe();
  tiny.set_weights({1, 0.6f, -1, -0.1f, -1, -1, -1, -1});  // none: -0.1 is a zero still
  tiny.observe();
  CHECK_THAT(tiny.curves.at("health/fc/weight/sign_flips"),
             Equals(std::vector<double>{2.0 / 8, 0}));
}

TEST_CASE("a quantizer that evaluates in float tells its sign flips alone", "[health]") {
  Tiny tiny;
  tiny.attach(Role::kWeight,
              std::make_unique<FloatOutside>(Grid(LevelGrid{.levels = {-1, 1}})));
  tiny.build();
  tiny.set_weights({1, 1, 1, 1, 1, 1, 1, 1});
  tiny.health->begin();
  tiny.set_weights({-1, 1, 1, 1, 1, 1, 1, 1});
  tiny.observe();
  REQUIRE(tiny.curves.size() == 1);
  CHECK(tiny.last("health/fc/weight/sign_flips") == 1.0 / 8);
}

TEST_CASE("drift is the relative change of a parameter since training began",
          "[health]") {
  Parameter step("fc/weight.step", 2);
  Tiny tiny;
  tiny.attach(Role::kWeight, std::make_unique<OnGrid>(halves(), &step));
  tiny.build();
  step.value[0] = 3;
  step.value[1] = 4;
  tiny.health->begin();
  step.value[1] = 5;
  tiny.observe();
  step.value[0] = 3;
  step.value[1] = 4;
  tiny.observe();
  CHECK_THAT(tiny.curves.at("health/fc/weight/step_drift"),
             Equals(std::vector<double>{1.0 / 5, 0}));
}

TEST_CASE("drift from zero is the change itself", "[health]") {
  Parameter offset("fc/weight.offset", 1);
  Tiny tiny;
  tiny.attach(Role::kWeight, std::make_unique<OnGrid>(halves(), &offset));
  tiny.build();
  tiny.health->begin();
  offset.value[0] = -0.25f;
  tiny.observe();
  CHECK(tiny.last("health/fc/weight/offset_drift") == 0.25);
}

TEST_CASE("weights that are all zero are warned of once", "[health]") {
  Tiny tiny;
  tiny.attach(Role::kWeight, std::make_unique<OnGrid>(halves()));
  tiny.build();
  tiny.set_weights({1, 1, 1, 1, -1, -1, -1, -1});
  tiny.health->begin();
  tiny.observe();
  CHECK(tiny.warnings.empty());
  tiny.set_weights(std::vector<float>(8));
  tiny.observe();
  tiny.observe();
  tiny.health->finish();
  REQUIRE(tiny.warnings.size() == 1);
  CHECK(tiny.warnings.front() ==
        "fc/weight: all 8 values looked at take one level, 0, at epoch 2; likely cause: "
        "all weights are zero: weight decay or a mask has taken them there");
}

TEST_CASE("why all values take one level is told apart", "[health]") {
  const auto warning = [](const Grid& grid, const std::vector<float>& weights) {
    Tiny tiny;
    tiny.attach(Role::kWeight, std::make_unique<OnGrid>(grid));
    tiny.build();
    tiny.set_weights(weights);
    tiny.observe();
    REQUIRE(tiny.warnings.size() == 1);
    return tiny.warnings.front();
  };
  CHECK_THAT(warning(halves(), {0.1f, 0.2f, -0.1f, 0, 0, 0, 0, 0.1f}),
             Contains("fc/weight") && Contains("one level, 0, after calibration") &&
                 Contains("between -0.1 and 0.2") && Contains("too wide"));
  CHECK_THAT(warning(halves(), {2, 3, 4, 5, 6, 7, 8, 9}),
             Contains("one level, 1.5") && Contains("between 2 and 9") &&
                 Contains("too narrow"));
  CHECK_THAT(warning(UniformGrid{.low = 0, .high = 3}, {-1, -2, -3, -4, -5, -6, -7, -8}),
             Contains("one level, 0") && Contains("no negative levels"));
  CHECK_THAT(warning(LevelGrid{.levels = {-1, 1}}, {2, 1, 1, 1, 1, 1, 1, 1}),
             Contains("one side of its threshold"));
}

TEST_CASE("a scale of zero is warned of, and the rest is measured", "[health]") {
  Tiny tiny;
  tiny.attach(Role::kWeight,
              std::make_unique<OnGrid>(
                  Grid(LevelGrid{.levels = {-1, 0, 1}, .scale = {0, 1}}, {2, 4})));
  tiny.build();
  tiny.set_weights({0, 0, 0, 0, 1, -1, 1, -1});
  tiny.health->begin();
  tiny.observe();
  tiny.observe();
  tiny.health->finish();
  CHECK_THAT(tiny.warnings,
             Equals(std::vector<std::string>{
                 "fc/weight: 1 of 2 scales are 0 at epoch 1; likely cause: "
                 "all the values that share it are zero"}));
  CHECK(tiny.last("health/fc/weight/clipped") == 0);
}

TEST_CASE("values that are not finite are warned of and have no figures", "[health]") {
  Parameter step("fc/weight.step", 1);
  Tiny tiny;
  tiny.attach(Role::kWeight, std::make_unique<OnGrid>(halves(), &step));
  tiny.build();
  tiny.health->begin();
  step.value[0] = std::numeric_limits<float>::quiet_NaN();
  tiny.observe();
  tiny.observe();
  CHECK_THAT(tiny.warnings, Equals(std::vector<std::string>{
                                "fc/weight.step: not all values are finite at epoch 1; "
                                "likely cause: too high a learning rate"}));
  CHECK(tiny.curves.at("health/fc/weight/clipped").size() == 2);
  CHECK(std::isnan(tiny.last("health/fc/weight/clipped")));
  CHECK(std::isnan(tiny.last("health/fc/weight/sign_flips")));
}

TEST_CASE("a learned parameter at its minimum is warned of once", "[health]") {
  Parameter step("fc/weight.step", 2);
  step.minimum = 0.125f;
  Tiny tiny;
  tiny.attach(Role::kWeight, std::make_unique<OnGrid>(halves(), &step));
  tiny.build();
  tiny.set_weights({1, 1, 1, 1, -1, -1, -1, -1});
  step.value[0] = step.value[1] = 1;
  tiny.health->begin();
  step.value[1] = 0.125f;
  tiny.observe();
  tiny.observe();
  REQUIRE(tiny.warnings.size() == 1);
  CHECK_THAT(
      tiny.warnings.front(),
      StartsWith("fc/weight.step: 1 of 2 values are at the least allowed, 0.125, at "
                 "epoch 1; likely cause: its learning rate is too high"));
}

TEST_CASE("a learned parameter that never moved is warned of at the end", "[health]") {
  const auto warnings = [](int epochs, auto&& change) {
    Parameter step("fc/weight.step", 1);
    Tiny tiny;
    tiny.attach(Role::kWeight, std::make_unique<OnGrid>(halves(), &step));
    tiny.build();
    tiny.set_weights({1, 1, 1, 1, -1, -1, -1, -1});
    step.value[0] = 0.5f;
    tiny.health->begin();
    change(step);
    for (int epoch = 0; epoch < epochs; ++epoch) tiny.observe();
    CHECK(tiny.warnings.empty());
    tiny.health->finish();
    return tiny.warnings;
  };
  const auto nothing = [](Parameter&) {};
  CHECK_THAT(warnings(3, nothing),
             Equals(std::vector<std::string>{
                 "fc/weight.step has not moved from 0.5 in 3 epochs; likely cause: its "
                 "gradient is zero, and no value is clipped"}));
  CHECK_THAT(warnings(2, [](Parameter& p) { p.learning_rate_multiplier = 0; }).front(),
             Contains("the learning-rate multiplier of 'fc/weight.step' is 0"));
  CHECK_THAT(warnings(2, [](Parameter& p) { p.gradient[0] = 1; }).front(),
             Contains("learning rate is 0, or too low"));
  CHECK(warnings(1, nothing).empty());
  CHECK(warnings(2, [](Parameter& p) { p.value[0] = 0.75f; }).empty());
}

TEST_CASE("a network that is not trained is observed once, without flips and drifts",
          "[health]") {
  Parameter step("fc/weight.step", 1);
  Tiny tiny;
  tiny.attach(Role::kWeight, std::make_unique<OnGrid>(halves(), &step));
  tiny.build();
  tiny.observe();
  tiny.health->finish();
  CHECK(tiny.health->epochs() == 0);
  CHECK(tiny.curves.size() == 4);
}

TEST_CASE("health's curves come back from a record as they were", "[health]") {
  Parameter step("fc/weight/step", 1);
  Tiny tiny;
  tiny.attach(Role::kWeight, std::make_unique<OnGrid>(halves(), &step));
  tiny.build();
  tiny.set_weights({0.5f, 1, -0.5f, 0, 1.5f, -1, -1.5f, 0});  // an infinite SQNR
  tiny.health->begin();
  tiny.observe();
  tiny.set_weights({0.5f, 1, -0.5f, 0.1f, 1.7f, 2, -2, 0});
  tiny.observe();
  RunRecord record;
  record.curves = tiny.curves;
  const testing::ScratchFolder folder;
  write_record(record, folder / "run.h5");
  CHECK(read_record_summary(folder / "run.h5").curves == tiny.curves);
  CHECK(tiny.curves.contains("health/fc/weight/step_drift"));
}

namespace {

const Dataset& few_shapes() {
  static const Dataset data = load_dataset(
      {.id = "shapes", .validation = 20, .train_limit = 60, .test_limit = 10}, {});
  return data;
}

struct Trained {
  std::vector<float> parameters;
  Curves curves;
};

// Two epochs of three steps under a method's default parameters.
Trained trained(const std::string& method, const MethodRegistry& registry,
                bool observed) {
  const Dataset& data = few_shapes();
  const Preprocessing preprocessing({}, data.training);
  Network network(
      model({convolution("conv", 4, 5, {{"stride", word("2")}}), layer("relu", "relu"),
             layer("pool", "max_pool"), linear("fc", "classes")}),
      {.image = data.training.shape, .batch = 20});
  std::vector<ParamProblem> problems;
  const MethodSpec spec{method, registry.at(method).resolve({}, problems)};
  const auto made = attach_quantizers(
      network, spec, {.first = "method", .last = "method", .bias = "method"}, {},
      registry);
  network.build();
  TrainingSpec training;
  training.epochs = 2;
  training.batch_size = 20;
  const Batches validation(data.validation, preprocessing);
  Batches images(data.training, preprocessing, {}, RandomStream(1, "training"));
  QuantizerHealth health(network, [](const std::string&) {});
  Trainer trainer(network, images, &validation, training, {},
                  observed ? &health : nullptr);
  calibrate(network, Batches(data.training, preprocessing), 1, true);
  Trained result;
  trainer.train(1, false, result.curves);
  health.finish();
  for (const Parameter* parameter : network.parameters()) {
    const auto values = parameter->value.span();
    result.parameters.insert(result.parameters.end(), values.begin(), values.end());
  }
  return result;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](float x, float y) {
    return std::bit_cast<std::uint32_t>(x) == std::bit_cast<std::uint32_t>(y);
  });
}

}  // namespace

TEST_CASE("under every method training gives the same bits, observed or not",
          "[health]") {
  MethodRegistry registry;
  register_builtin_methods(registry);
  for (const auto& method : registry.ids()) {
    CAPTURE(method);
    const Trained without = trained(method, registry, false);
    const Trained with = trained(method, registry, true);
    CHECK(same_bits(with.parameters, without.parameters));
    for (const auto& [name, values] : without.curves) {
      CAPTURE(name);
      CHECK(with.curves.at(name) == values);
    }
    for (const auto& [name, values] : with.curves) {
      CAPTURE(name);
      CHECK(values.size() == 2);
    }
    const bool has_health = with.curves.size() > without.curves.size();
    CHECK(has_health == (method != "float"));
  }
}

}  // namespace bitsweep
