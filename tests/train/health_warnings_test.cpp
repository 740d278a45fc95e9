// What is warned of, and what fails a run.
#include <cmath>
#include <limits>

#include <catch2/catch.hpp>

#include "tests/train/watched_layer.h"

namespace bitsweep {

using Catch::Matchers::Contains;
using Catch::Matchers::Equals;
using Catch::Matchers::StartsWith;

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

}  // namespace bitsweep
