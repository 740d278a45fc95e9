// Recipes: those shipped, and what is refused.

#include <catch2/catch.hpp>

#include "framework/config/model_file.h"
#include "framework/config/optimizers.h"
#include "framework/config/schedules.h"
#include "framework/config/training_file.h"
#include "tests/config/config_fixture.h"

using namespace bitsweep;
using namespace bitsweep::test;

TEST_CASE("every shipped recipe loads", "[recipe][shipped]") {
  const auto ids = known_recipes(ConfigFolders{});
  CHECK(ids.size() == 11);
  for (const auto& id : ids) {
    CAPTURE(id);
    const auto recipe = load_recipe(id);
    CHECK((recipe.epochs > 0 || recipe.iterations > 0));
  }
}

TEST_CASE("what optimizers and schedules read are keys of theirs", "[recipe]") {
  const auto check_fields = [](const auto& kinds, const std::vector<FieldInfo>& keys) {
    for (const auto& kind : kinds) {
      for (const auto& field : kind.fields) {
        CAPTURE(kind.id, field);
        CHECK(find_field(keys, field) != nullptr);
      }
    }
  };
  check_fields(optimizer_kinds(), OptimizerSpec::schema().fields());
  check_fields(schedule_kinds(), ScheduleSpec::schema().fields());
  CHECK(schedules_with("gamma") == "step, multistep, inv");
  CHECK(optimizer_with("beta1") == "adam");
}

TEST_CASE("the LeNet recipe is Caffe's", "[recipe][shipped]") {
  const auto recipe = load_recipe("lenet");
  CHECK(recipe.iterations == 10000);
  CHECK(recipe.batch_size == 64);
  CHECK(recipe.optimizer.learning_rate == 0.01);
  CHECK(recipe.optimizer.momentum == 0.9);
  CHECK(recipe.optimizer.weight_decay == 5e-4);
  CHECK(recipe.optimizer.form == "caffe");
  CHECK(recipe.schedule.id == "inv");
  CHECK(recipe.schedule.unit == "iteration");
  CHECK(recipe.schedule.gamma == 1e-4);
  CHECK(recipe.schedule.power == 0.75);
  CHECK(recipe.preprocessing.scale == 1.0 / 256);
  CHECK(recipe.preprocessing.mean == "none");
  CHECK(recipe.preprocessing.deviation == "none");
  REQUIRE(recipe.multipliers.size() == 1);
  CHECK(recipe.multipliers[0].match == "*/bias");
  CHECK(recipe.multipliers[0].learning_rate == 2);
  CHECK(recipe.multipliers[0].decay == 1);
}

TEST_CASE("the CIFAR-10 full recipe joins Caffe's three solvers", "[recipe][shipped]") {
  const auto recipe = load_recipe("cifar10-full");
  CHECK(recipe.iterations == 70000);
  CHECK(recipe.schedule.milestones == std::vector<double>{60000, 65000});
  CHECK(recipe.preprocessing.scale == 1);
  CHECK(recipe.preprocessing.mean == "pixel");
  // 0.004 times 250 is the decay of 1 that ip1's weights have.
  CHECK(recipe.optimizer.weight_decay * recipe.multipliers[2].decay == 1);
  CHECK(recipe.multipliers[2].match == "ip1/weight");
  CHECK(recipe.multipliers[3].decay == 0);
}

TEST_CASE("1/255 is written so that it reads as 1/255", "[recipe][shipped]") {
  CHECK(load_recipe("lenet-bn").preprocessing.scale == 1.0 / 255);
}

TEST_CASE("a recipe's mistakes stand in its own file", "[recipe][refusal]") {
  const Folder folder;
  folder.write("r.yaml", "epochs: -1\nrecipe: lenet\noptimizer: {momentum: 2}\n");
  CHECK(without(refusal([&] { load_recipe("r.yaml", folder.path() / "study.yaml"); }),
                folder.path()) ==
        "r.yaml:1: epochs: -1 is not allowed (0 to 1000000)\n"
        "r.yaml:2: recipe: a recipe cannot start from another one\n"
        "r.yaml:3: optimizer.momentum: 2 is not allowed (0 to 1)");
  CHECK(refusal([] { load_recipe("lenett"); }) ==
        "recipe: 'lenett': unknown recipe; did you mean 'lenet'?");
}

TEST_CASE("the README of configs names every model and recipe", "[shipped]") {
  std::ifstream file(BITSWEEP_SOURCE_DIR "/configs/README.md");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto is_named = [&](const std::string& id) {
    return text.find("`" + id + "`") != std::string::npos;
  };
  for (const auto& model : known_models(ConfigFolders{})) {
    CHECK(is_named(model.id));
    for (const auto& variant : model.variants) CHECK(is_named(variant));
    for (const auto& parameter : model.parameters) CHECK(is_named(parameter.name));
  }
  for (const auto& recipe : known_recipes(ConfigFolders{})) CHECK(is_named(recipe));
}
